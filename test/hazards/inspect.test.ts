// Assertion libraries such as chai call `inspect.custom` themselves, with fewer arguments than Node.js.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import {
  BasicAuth,
  ConnectError,
  Cookies,
  DigestAuth,
  Headers,
  HTTPProxy,
  NetrcAuth,
  Request,
} from '../../src/index.ts'
import { netrcFile } from '../client/netrc-file.ts'
import { reply, Web } from '../client/scripted-web.ts'
import { settle } from '../support/scripted-clock.ts'

const MARK = 'Sekret'

/** The options that chai passes: names of its own among those of Node.js. */
const CHAI_OPTIONS = {
  ...{ showHidden: false, depth: 2, colors: false, customInspect: true, showProxy: false },
  ...{ maxArrayLength: Infinity, breakLength: Infinity, seen: [], truncate: 40, stylize: String },
}
/** The inspect function that newer versions of chai pass is not that of Node.js. */
const otherInspect = () => assert.fail('called the function that was passed')

const callers: Record<string, readonly unknown[]> = {
  'no arguments': [],
  'a depth': [2],
  'a depth and options': [2, CHAI_OPTIONS],
  'a depth, options and another inspect function': [2, CHAI_OPTIONS, otherInspect],
  'undefined options': [undefined, undefined],
  'a negative depth': [-1, CHAI_OPTIONS],
}

/** Returns one object of each public class, and those that they print. */
async function objects(t: TestContext): Promise<Record<string, object>> {
  const web = new Web(() => reply(200, ['Set-Cookie: a=1'], 'text'))
  const client = web.client()
  const response = await web.during(client.get('http://h.test/?a=1'))
  const fetch = createFetch({ backend: web.backend, trustEnv: false })
  const fetchResponse = await web.during(fetch('http://h.test/'))
  const pool = new ConnectionPool({ backend: web.backend, tls: { minVersion: 'TLSv1.2' } })
  const engineResponse = await web.during(pool.request({ origin: 'http://h.test', path: '/' }))
  const handler = { onHead() {}, onData() {}, onEnd() {}, onError() {} }
  const control = pool.dispatch({ origin: 'http://h.test', path: '/' }, handler)
  await settle()
  const request = { method: 'GET', origin: 'http://h.test', path: '/?a=1' }
  return {
    ...{ client, response, fetchResponse, pool, engineResponse, control },
    'headers of a response': response.headers,
    'headers of a fetch response': fetchResponse.headers,
    'cookies of a response': response.cookies,
    headers: new Headers({ authorization: MARK }),
    cookies: new Cookies({ a: '1' }),
    request: new Request('GET', 'http://h.test/'),
    proxy: new HTTPProxy(`http://u:${MARK}@proxy.test`),
    'basic auth': new BasicAuth('u', MARK),
    'digest auth': new DigestAuth('u', MARK),
    'netrc auth': new NetrcAuth(netrcFile(t, `machine h login u password ${MARK}`)),
    'request of an error': new ConnectError('x', { request }).request as object,
  }
}

describe('78 inspect.custom can be called with', () => {
  for (const [caller, given] of Object.entries(callers)) {
    test(caller, async (t) => {
      for (const [name, object] of Object.entries(await objects(t))) {
        const method = (object as Record<symbol, unknown>)[inspect.custom]
        assert.equal(typeof method, 'function', `${name} has no inspect.custom`)
        const shown = (method as (...given: unknown[]) => unknown).apply(object, [...given])
        assert.ok(typeof shown === 'string' || typeof shown === 'object', name)
        assert.ok(!inspect(shown).includes(MARK), name)
      }
    })
  }
})

test('78 no inspect.custom has a third parameter', () => {
  const root = fileURLToPath(new URL('../../../src', import.meta.url))
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
  let found = 0
  for (const name of names.filter((each) => each.endsWith('.ts'))) {
    const text = readFileSync(join(root, name), 'utf8')
    for (const [, parameters = ''] of text.matchAll(/\[inspect\.custom\]\(([^)]*)\)/g)) {
      found++
      assert.ok(parameters.split(',').length <= 2, `${name}: inspect.custom(${parameters})`)
    }
  }
  assert.ok(found > 15)
})
