import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions } from '../../src/index.ts'
import {
  Client,
  ConnectError,
  get,
  MockDispatcher,
  ProxyError,
  publicAddressesOnly,
} from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { setEnvironment } from '../support/environment.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'
import { openClient } from './clients.ts'

const dispatcher = new MockDispatcher(() => ({ text: 'ok' }))

describe('52 an option that has no effect is a TypeError', () => {
  const addressOptions: ClientOptions = {
    onConnect: () => {},
    lookup: () => assert.fail(),
    localAddress: '127.0.0.1',
  }
  const connectionOptions: ClientOptions = {
    ...addressOptions,
    verify: true,
    cert: 'client.pem',
    poolLimits: { maxConnections: 1 },
  }
  const routes: readonly [route: ClientOptions, without: ClientOptions][] = [
    [{ dispatcher }, connectionOptions],
    [{ app: () => new Response('ok') }, connectionOptions],
    [{ uds: '/run/x.sock' }, addressOptions],
  ]
  for (const [route, without] of routes) {
    for (const [name, value] of Object.entries(without)) {
      test(`${Object.keys(route)} and ${name}`, async () => {
        const options: ClientOptions = { ...route, [name]: value }
        const expected = { name: 'TypeError', message: new RegExp(`option ${name} has no effect`) }
        assert.throws(() => new Client(options), expected)
        await assert.rejects(get('http://h.test/', options), expected)
      })
    }
  }

  for (const [name, value] of Object.entries(addressOptions)) {
    test(`uds and ${name}, for a pool and for createFetch`, () => {
      const options = { uds: '/run/x.sock', [name]: value }
      assert.throws(() => new ConnectionPool(options), TypeError)
      assert.throws(() => createFetch(options), TypeError)
    })
  }

  test('unless it is undefined', async () => {
    const names = Object.keys(connectionOptions)
    const unset = Object.fromEntries(names.map((name) => [name, undefined]))
    const client = new Client({ dispatcher, ...unset })
    assert.equal((await client.get('http://h.test/')).text(), 'ok')
    await client.close()
  })

  test('but mounts can be combined with options for other routes', async () => {
    const mounts = { 'all://h.test': new MockDispatcher(() => ({ text: 'mounted' })) }
    const client = new Client({ mounts, ...addressOptions, verify: true })
    assert.equal((await client.get('http://h.test/')).text(), 'mounted')
    await client.close()
  })
})

describe('52 publicAddressesOnly with a proxy', () => {
  const proxy = 'http://127.0.0.1:3128'
  const expected = { name: 'TypeError', message: /allowProxy: true/ }

  test('is a TypeError for a client, a pool and createFetch', async () => {
    const onConnect = publicAddressesOnly()
    for (const proxies of [proxy, { 'http://a.test': proxy }, { http: null, https: proxy }]) {
      assert.throws(() => new Client({ onConnect, proxies }), expected)
      assert.throws(() => createFetch({ onConnect, proxies }), expected)
      await assert.rejects(get('http://h.test/', { onConnect, proxies }), expected)
    }
    for (const given of [proxy, 'socks5://127.0.0.1', 'socks5h://127.0.0.1']) {
      assert.throws(() => new ConnectionPool({ onConnect, proxy: given }), expected)
    }
  })

  test('of the environment is one too', async (t) => {
    for (const name of ['HTTP_PROXY', 'https_proxy', 'ALL_PROXY']) {
      setEnvironment(t, { [name]: proxy, NO_PROXY: '*' })
      assert.throws(() => new Client({ onConnect: publicAddressesOnly() }), expected)
      assert.throws(() => createFetch({ onConnect: publicAddressesOnly() }), expected)
    }
  })

  test('is accepted with allowProxy, and without a proxy', async (t) => {
    setEnvironment(t, { ALL_PROXY: proxy })
    const clients = [
      new Client({ onConnect: publicAddressesOnly({ allowProxy: true }) }),
      new Client({ onConnect: publicAddressesOnly({ allowProxy: true }), proxies: proxy }),
      new Client({ onConnect: publicAddressesOnly(), trustEnv: false }),
      new Client({ onConnect: publicAddressesOnly(), proxies: { http: null } }),
      new Client({ onConnect: publicAddressesOnly(), proxies: null }),
    ]
    for (const client of clients) await client.close()
  })

  test('does not check the address of the proxy, but refuses without allowProxy', async (t) => {
    setEnvironment(t, {})
    const server = await httpProxy(t)
    const { origin } = await httpServer(t, (_, response) => response.end('ok'))
    const allowing = publicAddressesOnly({ allowProxy: true })
    const client = openClient(t, { proxies: server.url, onConnect: allowing })
    assert.equal((await client.get(origin)).text(), 'ok')
    const hidden = publicAddressesOnly()
    const wrapped = openClient(t, { proxies: server.url, onConnect: (facts) => hidden(facts) })
    await assert.rejects(wrapped.get(origin), ProxyError)
  })

  test('checks the addresses of targets that a socks5 client resolves', async (t) => {
    setEnvironment(t, {})
    const server = await socksProxy(t)
    const { origin } = await httpServer(t, (_, response) => response.end('ok'))
    const onConnect = publicAddressesOnly({ allowProxy: true })
    const proxies = server.url
    await assert.rejects(openClient(t, { proxies, onConnect }).get(origin), ConnectError)
    const permitting = publicAddressesOnly({ allowProxy: true, allow: ['127.0.0.0/8'] })
    const client = openClient(t, { proxies, onConnect: permitting })
    assert.equal((await client.get(origin)).text(), 'ok')
  })
})

test('52 publicAddressesOnly refuses this machine, also after a redirect', async (t) => {
  setEnvironment(t, {})
  const target = await httpServer(t, () => assert.fail())
  const { port } = await httpServer(t, (_, response) => {
    response.writeHead(302, { location: target.origin }).end()
  })
  const onConnect = publicAddressesOnly({ allow: ['127.0.0.2'] })
  const lookup: ClientOptions['lookup'] = (_host, _options, done) => done(null, '127.0.0.1', 4)
  const guarded = openClient(t, { onConnect, lookup })
  for (const url of [target.origin, `http://a.test:${port}`, `http://[::ffff:127.0.0.1]:${port}`]) {
    await assert.rejects(guarded.get(url), ConnectError)
  }
  const redirected = openClient(t, {
    // The first connection is permitted, as if the name had a public address.
    onConnect: (facts) => (facts.port === port ? undefined : onConnect(facts)),
  })
  await assert.rejects(redirected.get(`http://127.0.0.1:${port}`), ConnectError)
})
