// To which origins the certificate of the client is presented.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions, Request } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { tlsServer, toLoopback } from '../engine/servers.ts'
import { temporaryDirectory } from '../models/pem-files.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { httpProxy } from '../support/proxies.ts'
import { reply, Web } from './scripted-web.ts'

const identities: readonly [name: string, verify: ClientOptions['verify']][] = [
  ['cert and key', { cert: 'SECRET', key: 'SECRET', passphrase: 'SECRET' }],
  ['pfx', { pfx: 'SECRET', passphrase: 'SECRET' }],
  ['a pre-shared key', { pskCallback: () => null }],
]
const OPTIONS = ['cert', 'key', 'pfx', 'passphrase', 'pskCallback']

/** Whether each TLS connection presents the certificate, by the SNI host. */
function presented(web: Web): string[] {
  return web.backend.sockets
    .filter(({ tls }) => tls !== null)
    .map(({ tls }) => {
      const names = OPTIONS.filter((name) => name in (tls?.options ?? {}))
      return `${tls?.host} ${names.length > 0 ? 'yes' : 'no'}`
    })
}

const chain = (urls: readonly string[]) =>
  new Web((_, count) => {
    const next = urls[count]
    return next === undefined ? reply(200) : reply(307, [`Location: ${next}`])
  })

for (const [name, verify] of identities) {
  describe(`56 ${name} in verify`, () => {
    test('is presented to the origin of the call, not to others of its redirects', async () => {
      const urls = ['https://a.test/', 'https://b.test/', 'https://a.test/3']
      const web = chain(urls)
      await web.during(web.client({ verify }).get(urls[0]!))
      assert.deepEqual(presented(web), ['a.test yes', 'b.test no', 'a.test no'])
    })

    test('is presented to the same host after a redirect from http to https', async () => {
      const web = chain(['http://a.test/', 'https://a.test/'])
      await web.during(web.client({ verify }).get('http://a.test/'))
      assert.deepEqual(presented(web), ['a.test yes'])
    })

    test('is presented only to the origin of baseUrl', async () => {
      const web = new Web(() => reply(200))
      const client = web.client({ verify, baseUrl: 'https://a.test' })
      await web.during(client.get('https://b.test/'))
      await web.during(client.get('/'))
      await web.during(client.get('https://a.test:8443/'))
      assert.deepEqual(presented(web), ['b.test no', 'a.test yes', 'a.test no'])
    })

    test('is not presented to other origins of an auth flow or a request hook', async () => {
      const web = new Web(() => reply(200))
      async function* authFlow(request: Request) {
        const other = request.clone()
        other.url = new URL('https://b.test/')
        yield other
        yield request
      }
      await web.during(web.client({ verify, auth: { authFlow } }).get('https://a.test/'))
      const rewrite = (request: Request) => {
        request.url = new URL('https://c.test/')
      }
      const hooked = web.client({ verify, eventHooks: { request: [rewrite] } })
      await web.during(hooked.get('https://a.test/'))
      assert.deepEqual(presented(web), ['b.test no', 'a.test yes', 'c.test no'])
    })

    test('is not presented to a nextRequest of another origin that the caller sends', async () => {
      const web = chain(['https://a.test/', 'https://b.test/'])
      const client = web.client({ verify })
      const first = await web.during(client.get('https://a.test/', { followRedirects: false }))
      await web.during(client.send(first.nextRequest!))
      assert.deepEqual(presented(web), ['a.test yes', 'b.test no'])
    })

    test('of fetch is presented to the origin of the call only', async () => {
      const web = chain(['https://a.test/', 'https://b.test/', 'https://a.test/3'])
      const fetch = createFetch({ verify, backend: web.backend, trustEnv: false })
      await web.during(fetch('https://a.test/'))
      await fetch.close()
      assert.deepEqual(presented(web), ['a.test yes', 'b.test no', 'a.test no'])
    })
  })
}

test('56 the connections without the certificate have limits of their own', async () => {
  const web = new Web(({ origin }) =>
    origin === 'https://a.test' ? reply(200, [], 'held').slice(0, -1) : reply(200),
  )
  const options = {
    verify: { pfx: 'x' },
    baseUrl: 'https://a.test',
    poolLimits: { maxConnections: 1 },
  }
  const client = web.client(options)
  const held = await web.during(client.stream('GET', '/'))
  assert.equal((await web.during(client.get('https://b.test/'))).status, 200)
  await held.close()
})

test('56 without a certificate, redirects to other origins use the same pool', async () => {
  const web = chain(['https://a.test/', 'https://b.test/', 'https://a.test/3'])
  await web.during(web.client({ verify: { minVersion: 'TLSv1.2' } }).get('https://a.test/'))
  assert.deepEqual(presented(web), ['a.test no', 'b.test no'])
})

test('56 the pool without the certificate is closed with its client', async () => {
  const web = chain(['https://a.test/', 'https://b.test/'])
  const client = web.client({ verify: { pfx: 'x' } })
  await web.during(client.get('https://a.test/'))
  await web.during(client.close())
  assert.deepEqual(
    web.backend.sockets.map((socket) => socket.destroyed || socket.ended),
    [true, true],
  )
})

describe('56 over real TLS connections', () => {
  const ca = certificateAuthority()
  const server = certificateFor(['a.test', 'b.test'], { ca })
  const own = certificateFor(['client'], { ca })

  for (const tunnelled of [false, true]) {
    test(tunnelled ? 'through a tunnel' : 'direct', async (t: TestContext) => {
      const { write } = temporaryDirectory(t)
      const seen: string[] = []
      const origin = await tlsServer(
        t,
        { ...server, requestCert: true, rejectUnauthorized: false, ca: ca.cert },
        (socket: TLSSocket) => {
          const name = String(socket.getPeerCertificate().subject?.CN ?? 'nobody')
          seen.push(`${socket.servername} ${name}${socket.isSessionReused() ? ' resumed' : ''}`)
          return 'ok'
        },
      )
      const client = new Client({
        trustEnv: false,
        lookup: toLoopback,
        verify: { ca: ca.cert },
        cert: write('both.pem', own.key + own.cert),
        baseUrl: `https://a.test:${origin.port}`,
        poolLimits: { maxKeepaliveConnections: 0 },
        ...(tunnelled ? { proxies: (await httpProxy(t)).url } : {}),
      })
      t.after(() => client.close())
      await client.get('/')
      await client.get(`https://b.test:${origin.port}/`)
      await client.get('/')
      await client.get(`https://b.test:${origin.port}/`)
      assert.deepEqual(
        seen.map((each) => each.replace(' resumed', '')),
        ['a.test client', 'b.test nobody', 'a.test client', 'b.test nobody'],
      )
    })
  }
})
