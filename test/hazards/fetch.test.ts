// Tests which credentials `fetch` sends after a redirect. The rules are those of the client.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createFetch } from '../../src/fetch/index.ts'
import { HTTPProxy } from '../../src/index.ts'
import { reply, Web } from '../client/scripted-web.ts'

const SECRETS = ['authorization', 'cookie', 'proxy-authorization']

/** Follows a chain of redirects, and returns the secrets that each hop received. */
async function secretsSent(urls: readonly string[]): Promise<string[][]> {
  const web = new Web((_, count) => {
    const next = urls[count]
    return next === undefined ? reply(200) : reply(307, [`Location: ${next}`])
  })
  // The proxy forwards http and https, because Proxy-Authorization is only sent to a proxy.
  const proxies = new HTTPProxy('http://proxy.test', { mode: 'FORWARD_ONLY' })
  const fetch = createFetch({ proxies, backend: web.backend })
  const headers = Object.fromEntries(SECRETS.map((name) => [name, 'SECRET']))
  const response = await web.during(fetch(urls[0] as string, { headers }))
  assert.equal(response.status, 200)
  await fetch.close()
  return web.sent.map((sent) => SECRETS.filter((name) => sent.headers.has(name)))
}

const NONE: string[] = []
/** After a change of the route, Proxy-Authorization would reach the server. */
const AFTER_ROUTE_CHANGE = ['authorization', 'cookie']

const chains: readonly [name: string, urls: readonly string[], sent: readonly string[][]][] = [
  ['the same origin', ['http://a.test/', 'http://a.test/2'], [SECRETS, SECRETS]],
  ['another host', ['http://a.test/', 'http://b.test/'], [SECRETS, NONE]],
  ['another port', ['http://a.test/', 'http://a.test:8080/'], [SECRETS, NONE]],
  ['https to http', ['https://a.test/', 'http://a.test/'], [SECRETS, NONE]],
  ['A, B, A', ['http://a.test/', 'http://b.test/', 'http://a.test/3'], [SECRETS, NONE, NONE]],
  ['http to https', ['http://a.test/', 'https://a.test/'], [SECRETS, AFTER_ROUTE_CHANGE]],
]

describe('28, 30 secrets that fetch sends after a redirect to', () => {
  for (const [name, urls, sent] of chains) {
    test(name, async () => assert.deepEqual(await secretsSent(urls), sent))
  }
})
