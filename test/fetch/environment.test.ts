// TLS settings of the environment that are invalid fail only the calls that need them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { createFetch } from '../../src/fetch/index.ts'
import { httpServer } from '../engine/servers.ts'
import { setEnvironment } from '../support/environment.ts'
import { evaluationArguments } from '../support/evaluate.ts'
import { httpProxy } from '../support/proxies.ts'

const MISSING = '/missing/file.pem'
/** Nothing listens there, and nothing is sent. */
const HTTPS = 'https://127.0.0.1:9/'

const invalid: Record<string, Readonly<Record<string, string>>> = {
  SSL_CERT_FILE: { SSL_CERT_FILE: MISSING },
  SSL_CERT_DIR: { SSL_CERT_DIR: MISSING },
  SSLKEYLOGFILE: { SSLKEYLOGFILE: MISSING },
}

describe('73 a file of the environment that cannot be read', () => {
  for (const [name, variables] of Object.entries(invalid)) {
    const expected = { name: 'TypeError', message: new RegExp(`^${name} "${MISSING}" cannot be`) }

    test(`${name}: calls of http URLs succeed, and calls of https URLs reject`, async (t) => {
      setEnvironment(t, variables)
      const { origin } = await httpServer(t, ({ url }, response) => {
        if (url === '/secure') response.writeHead(302, { location: HTTPS })
        response.end('ok')
      })
      const fetch = createFetch()
      t.after(() => fetch.close())
      assert.equal(await (await fetch(origin)).text(), 'ok')
      await assert.rejects(fetch(HTTPS), expected)
      await assert.rejects(fetch(`${origin}/secure`), expected)
      assert.equal(await (await fetch(origin)).text(), 'ok')
    })

    test(`${name}: an http proxy of the environment is used`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => response.end('ok'))
      const { url } = await httpProxy(t)
      setEnvironment(t, { ...variables, HTTP_PROXY: url, HTTPS_PROXY: url })
      const fetch = createFetch()
      t.after(() => fetch.close())
      assert.equal(await (await fetch(origin)).text(), 'ok')
      await assert.rejects(fetch(HTTPS), expected)
    })

    test(`${name}: the shared fetch never throws`, (t) => {
      setEnvironment(t, { ...variables, NO_PROXY: '*' })
      const module = new URL('../../src/fetch/index.js', import.meta.url)
      const source = `
        import { fetch } from ${JSON.stringify(module)}
        const failures = [fetch('${HTTPS}'), fetch('http://127.0.0.1:9/')]
          .map((call) => call.catch(({ name, message }) => name + ': ' + message))
        console.log((await Promise.all(failures)).join('\\n'))`
      const child = spawnSync(process.execPath, evaluationArguments(source), { encoding: 'utf8' })
      const [https = '', http] = child.stdout.trim().split('\n')
      assert.match(https.replace('TypeError: ', ''), expected.message, child.stderr)
      assert.equal(http, 'TypeError: fetch failed')
    })
  }

  test('an invalid option still throws when the function is created', (t) => {
    setEnvironment(t, { SSL_CERT_FILE: MISSING })
    assert.throws(() => createFetch({ verify: MISSING }), { message: /^verify "/ })
    assert.throws(() => createFetch({ cert: MISSING }), { message: /^cert "/ })
    assert.throws(() => createFetch({ proxies: 'https://proxy.test' }), {
      message: /^SSL_CERT_FILE/,
    })
  })
})
