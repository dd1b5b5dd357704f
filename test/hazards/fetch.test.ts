// What `fetch` sends along with a redirect: the client's rules, seen from its second face.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createFetch } from '../../src/fetch/index.ts'
import { HTTPProxy } from '../../src/index.ts'
import { reply, Web } from '../client/scripted-web.ts'

const SECRETS = ['authorization', 'cookie', 'proxy-authorization']

/** For each hop of the chain the secrets that it was sent. */
async function sentAlong(urls: readonly string[]): Promise<string[][]> {
  const web = new Web((_, count) => {
    const next = urls[count]
    return next === undefined ? reply(200) : reply(307, [`Location: ${next}`])
  })
  // Forwards all: what is for a proxy is sent to nobody else.
  const proxies = new HTTPProxy('http://proxy.test', { mode: 'FORWARD_ONLY' })
  const fetch = createFetch({ proxies, backend: web.backend })
  const headers = Object.fromEntries(SECRETS.map((name) => [name, 'SECRET']))
  const response = await web.during(fetch(urls[0] as string, { headers }))
  assert.equal(response.status, 200)
  await fetch.close()
  return web.sent.map((sent) => SECRETS.filter((name) => sent.headers.has(name)))
}

const NONE: string[] = []
/** Another route: what was for a proxy would reach the server. */
const BY_HTTPS = ['authorization', 'cookie']

const chains: readonly [name: string, urls: readonly string[], sent: readonly string[][]][] = [
  ['the same origin', ['http://a.test/', 'http://a.test/2'], [SECRETS, SECRETS]],
  ['another host', ['http://a.test/', 'http://b.test/'], [SECRETS, NONE]],
  ['another port', ['http://a.test/', 'http://a.test:8080/'], [SECRETS, NONE]],
  ['https to http', ['https://a.test/', 'http://a.test/'], [SECRETS, NONE]],
  ['A, B, A', ['http://a.test/', 'http://b.test/', 'http://a.test/3'], [SECRETS, NONE, NONE]],
  ['http to https', ['http://a.test/', 'https://a.test/'], [SECRETS, BY_HTTPS]],
]

describe('28, 30 what the caller gives goes along to', () => {
  for (const [name, urls, sent] of chains) {
    test(name, async () => assert.deepEqual(await sentAlong(urls), sent))
  }
})
