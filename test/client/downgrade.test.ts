// Redirects from https to http: what is sent, and how to refuse them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FollowRedirects } from '../../src/client/redirect.ts'
import { createFetch } from '../../src/fetch/index.ts'
import { InsecureRedirect, RequestError } from '../../src/index.ts'
import { useNetrc } from './netrc-file.ts'
import { reply, Web } from './scripted-web.ts'

/** A chain of redirects with this status. */
function chain(urls: readonly string[], status = 307): Web {
  return new Web((_, count) => {
    const next = urls[count]
    return next === undefined ? reply(200) : reply(status, [`Location: ${next}`])
  })
}

const DOWNGRADE = ['https://a.test/', 'http://a.test/2']
const given = {
  'X-Api-Key': 'SECRET',
  Authorization: 'SECRET',
  Cookie: 'a=SECRET',
  Range: 'bytes=0-',
  'If-Match': '"SECRET"',
  'Accept-Language': 'de',
  'Content-Type': 'text/x',
  'Content-Language': 'de',
  'User-Agent': 'agent',
}
const names = (web: Web, i: number) => Object.keys(web.sent[i]?.headers.toJSON() ?? {}).sort()

describe('56 after a redirect from https to http, the only fields are', () => {
  const kept = ['accept', 'accept-encoding', 'accept-language', 'host', 'user-agent']

  test('those of Accept and User-Agent', async () => {
    const web = chain(DOWNGRADE)
    await web.during(
      web.client({ headers: { 'X-Client': 'SECRET' } }).get(DOWNGRADE[0]!, { headers: given }),
    )
    assert.deepEqual(names(web, 1), kept)
    assert.equal(web.sent[1]?.headers.get('user-agent'), 'agent')
  })

  for (const status of [307, 308]) {
    test(`those and the content fields, if ${status} sends the body again`, async () => {
      const web = chain(DOWNGRADE, status)
      await web.during(web.client().post(DOWNGRADE[0]!, { headers: given, content: 'body' }))
      const content = ['content-language', 'content-length', 'content-type']
      assert.deepEqual(names(web, 1), [...kept, ...content].sort())
      assert.equal(web.sent[1]?.content, 'body')
      assert.equal(web.sent[1]?.method, 'POST')
    })
  }

  test('those and no content fields, if 303 drops the body', async () => {
    const web = chain(DOWNGRADE, 303)
    await web.during(web.client().post(DOWNGRADE[0]!, { headers: given, content: 'body' }))
    assert.deepEqual(names(web, 1), kept)
    assert.equal(web.sent[1]?.method, 'GET')
  })

  test('the same in fetch', async () => {
    const web = chain(DOWNGRADE)
    const fetch = createFetch({
      backend: web.backend,
      trustEnv: false,
      headers: { 'X-Client': 'SECRET' },
    })
    await web.during(fetch(DOWNGRADE[0]!, { headers: given }))
    assert.deepEqual(names(web, 1), kept)
    await fetch.close()
  })

  test('also if the redirect leads to another host', async () => {
    const web = chain(['https://a.test/', 'http://b.test/'])
    await web.during(web.client().get('https://a.test/', { headers: given }))
    assert.deepEqual(names(web, 1), kept)
  })

  test('also at later requests of the chain', async () => {
    const web = chain(['https://a.test/', 'http://a.test/', 'https://a.test/'])
    await web.during(web.client().get('https://a.test/', { headers: given }))
    assert.deepEqual(names(web, 2), kept)
  })
})

test('56 after a redirect from https to http, cookies of the jar are sent unless they are Secure', async () => {
  const cookies = ['Set-Cookie: open=1', 'Set-Cookie: closed=SECRET; Secure']
  const web = new Web(({ origin }) =>
    origin === 'https://a.test' ? reply(307, ['Location: http://a.test/', ...cookies]) : reply(200),
  )
  const client = web.client({ cookies: { unscoped: 'SECRET' } })
  await web.during(client.get('https://a.test/', { cookies: { own: 'SECRET' } }))
  assert.equal(web.sent[1]?.headers.get('cookie'), 'open=1')
})

describe('56 .netrc', () => {
  const authorizations = async (urls: readonly string[], status = 302) => {
    const web = chain(urls, status)
    await web.during(web.client({ trustEnv: true, proxies: null }).get(urls[0]!))
    return web.sent.map(({ headers }) => headers.get('authorization'))
  }
  const a = `Basic ${btoa('a:x')}`
  const b = `Basic ${btoa('b:y')}`
  const any = `Basic ${btoa('any:z')}`

  test('is not used after a redirect from https to http', async (t) => {
    useNetrc(t, 'machine a.test login a password x\nmachine b.test login b password y')
    assert.deepEqual(await authorizations(DOWNGRADE), [a, null])
    assert.deepEqual(await authorizations(['https://a.test/', 'http://b.test/']), [a, null])
    // Whoever answered over http chose the URL that follows.
    const chained = ['https://a.test/', 'http://b.test/', 'http://a.test/']
    assert.deepEqual(await authorizations(chained), [a, null, null])
  })

  test('its default entry is not used for a host to which a redirect leads', async (t) => {
    useNetrc(t, 'machine b.test login b password y\ndefault login any password z')
    assert.deepEqual(await authorizations(['http://a.test/', 'http://c.test/']), [any, null])
    assert.deepEqual(await authorizations(['http://a.test/', 'http://b.test/']), [any, b])
    const back = ['http://a.test/', 'http://c.test/', 'http://a.test/']
    assert.deepEqual(await authorizations(back), [any, null, null])
  })

  test('its default entry is used as long as the origin stays the same', async (t) => {
    useNetrc(t, 'default login any password z')
    assert.deepEqual(await authorizations(['http://a.test/', 'http://a.test/2']), [any, any])
    assert.deepEqual(await authorizations(['http://a.test/', 'https://a.test/']), [any, any])
  })

  test('its default entry is not used for a nextRequest that the caller sends', async (t) => {
    useNetrc(t, 'default login any password z')
    const web = chain(['http://a.test/', 'http://c.test/'])
    const client = web.client({ trustEnv: true, proxies: null, followRedirects: false })
    const first = await web.during(client.get('http://a.test/'))
    await web.during(client.send(first.nextRequest!))
    assert.equal(web.sent[1]?.headers.get('authorization'), null)
  })
})

describe("56 followRedirects: 'no-downgrade'", () => {
  const followRedirects = 'no-downgrade'

  async function assertRefused(call: Promise<unknown>): Promise<void> {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof InsecureRedirect)
      assert.ok(error instanceof RequestError)
      assert.equal(error.code, 'HAWSER_INSECURE_REDIRECT')
      assert.equal(error.phase, 'read')
      assert.equal(error.responseStarted, true)
      assert.equal(error.request?.method, 'GET')
      assert.equal(
        error.message,
        "https://a.test/?… redirects to an insecure URL: http://a.test/?… (followRedirects is 'no-downgrade')",
      )
      return true
    })
  }
  const urls = ['https://a.test/?SECRET', 'http://a.test/?SECRET']

  test('of a client, of a request and of send()', async () => {
    const web = new Web(() => reply(302, [`Location: ${urls[1]}`]))
    await assertRefused(web.during(web.client({ followRedirects }).get(urls[0]!)))
    await assertRefused(web.during(web.client().get(urls[0]!, { followRedirects })))
    const client = web.client()
    const request = client.buildRequest('GET', urls[0]!)
    await assertRefused(web.during(client.send(request, { followRedirects })))
    assert.deepEqual(new Set(web.origins), new Set(['https://a.test']))
  })

  test('in the middle of a chain', async () => {
    const web = chain(['http://a.test/', 'https://a.test/', 'https://b.test/', 'http://b.test/'])
    const call = web.client({ followRedirects }).get('http://a.test/')
    await assert.rejects(web.during(call), InsecureRedirect)
    assert.deepEqual(web.origins, ['http://a.test', 'https://a.test', 'https://b.test'])
  })

  test('follows other redirects', async () => {
    const web = chain(['http://a.test/', 'http://b.test/', 'https://b.test/', 'https://c.test/'])
    const response = await web.during(web.client({ followRedirects }).get('http://a.test/'))
    assert.equal(response.url.href, 'https://c.test/')
  })

  test('of the client applies after a nextRequest that the caller sends', async () => {
    const web = chain(['http://a.test/', 'https://a.test/', 'http://a.test/'])
    const client = web.client({ followRedirects })
    const first = await web.during(client.get('http://a.test/', { followRedirects: false }))
    await assert.rejects(web.during(client.send(first.nextRequest!)), InsecureRedirect)
  })

  test('other values are a TypeError', () => {
    for (const value of ['downgrade', '', 1, null]) {
      assert.throws(
        () => new Web(() => null).client({ followRedirects: value as FollowRedirects }),
        {
          name: 'TypeError',
          message: `followRedirects must be true, false or 'no-downgrade', not ${value === null ? 'null' : typeof value === 'string' ? `'${value}'` : value}`,
        },
      )
    }
  })
})
