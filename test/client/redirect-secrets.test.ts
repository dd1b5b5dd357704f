import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ClientOptions, Request, RequestOptions } from '../../src/index.ts'
import { BasicAuth, DigestAuth } from '../../src/index.ts'
import { useNetrc } from './netrc-file.ts'
import { openClient, recording } from './recorded.ts'
import type { Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

interface Secret {
  readonly name: string
  readonly client?: ClientOptions
  readonly request?: RequestOptions
  /** Inserted before the host. */
  readonly userinfo?: string
  /** The text of a netrc file. */
  readonly netrc?: string
}

const token = {
  *authFlow(request: Request) {
    request.headers.set('x-token', 'SECRET')
    yield request
  },
}
const sign = (request: Request) => {
  request.headers.set('x-token', 'SECRET')
  return request
}

/** A server that receives one of these sees the text SECRET. */
const secrets: readonly Secret[] = [
  { name: 'Authorization of the request', request: { headers: { authorization: 'SECRET' } } },
  { name: 'Authorization of the client', client: { headers: { AUTHORIZATION: 'SECRET' } } },
  { name: 'Cookie of the request', request: { headers: { Cookie: 'a=SECRET' } } },
  { name: 'Cookie of the client', client: { headers: { cookie: 'a=SECRET' } } },
  { name: 'auth tuple of the request', request: { auth: ['SECRET', 'x'] } },
  { name: 'auth tuple of the client', client: { auth: ['SECRET', 'x'] } },
  { name: 'BasicAuth', request: { auth: new BasicAuth('SECRET', 'x') } },
  { name: 'function', request: { auth: sign } },
  { name: 'custom flow of the client', client: { auth: token } },
  { name: 'userinfo', userinfo: 'SECRET:x@' },
  { name: 'cookies of the request', request: { cookies: { a: 'SECRET' } } },
  { name: 'cookies of the client, without a domain', client: { cookies: { a: 'SECRET' } } },
  { name: '.netrc', netrc: 'machine a.test login SECRET password x' },
]

const chains: readonly [name: string, urls: readonly string[], shown: readonly boolean[]][] = [
  ['same origin', ['http://a.test/', 'http://a.test/2'], [true, true]],
  ['same origin, explicit port', ['http://a.test/', 'http://a.test:80/'], [true, true]],
  ['same origin, in upper case', ['http://a.test/', 'HTTP://A.TEST/'], [true, true]],
  ['other host', ['http://a.test/', 'http://b.test/'], [true, false]],
  ['subdomain', ['http://a.test/', 'http://x.a.test/'], [true, false]],
  ['host with a trailing dot', ['http://a.test/', 'http://a.test./'], [true, false]],
  ['host in the userinfo', ['http://a.test/', 'http://a.test@b.test/'], [true, false]],
  ['other port', ['http://a.test/', 'http://a.test:8080/'], [true, false]],
  ['other port of https', ['https://a.test/', 'https://a.test:8443/'], [true, false]],
  ['http to https, default ports', ['http://a.test/', 'https://a.test/'], [true, true]],
  [
    'http to https, explicit default ports',
    ['http://a.test:80/', 'https://a.test:443/'],
    [true, true],
  ],
  ['http to https with another port', ['http://a.test/', 'https://a.test:8443/'], [true, false]],
  ['http with another port to https', ['http://a.test:8080/', 'https://a.test/'], [true, false]],
  ['the same port, http to https', ['http://a.test:8080/', 'https://a.test:8080/'], [true, false]],
  ['https to http', ['https://a.test/', 'http://a.test/'], [true, false]],
  ['A, B, A', ['http://a.test/', 'http://b.test/', 'http://a.test/3'], [true, false, false]],
  [
    'A, B, B, A',
    ['http://a.test/', 'http://b.test/', 'http://b.test/3', 'http://a.test/4'],
    [true, false, false, false],
  ],
  [
    'http to https to http',
    ['http://a.test/', 'https://a.test/', 'http://a.test/3'],
    [true, true, false],
  ],
]

/** Returns the requests that are sent in a chain of 307 redirects. */
async function requestsOfChain(
  t: TestContext,
  urls: readonly string[],
  secret: Secret,
): Promise<Sent[]> {
  const web = new Web((_, count) => {
    const next = urls[count]
    return next === undefined ? reply(200) : reply(307, [`Location: ${next}`])
  })
  const client = web.client({ trustEnv: secret.netrc !== undefined, ...secret.client })
  if (secret.netrc !== undefined) useNetrc(t, secret.netrc)
  const url = (urls[0] as string).replace('//', `//${secret.userinfo ?? ''}`)
  await web.during(client.get(url, secret.request))
  assert.equal(web.sent.length, urls.length)
  return web.sent
}

function isAfterDowngrade(urls: readonly string[], index: number): boolean {
  const schemes = urls.slice(0, index + 1).map((url) => new URL(url).protocol)
  return schemes.some((scheme, i) => scheme === 'http:' && schemes[i - 1] === 'https:')
}

/** Whether a request contains SECRET. Basic credentials are decoded. */
function containsSecret({ headers, target, content }: Sent): boolean {
  const fields = [...headers].map(([, value]) =>
    value.startsWith('Basic ') ? Buffer.from(value.slice(6), 'base64').toString() : value,
  )
  return [...fields, target, content].some((text) => text.includes('SECRET'))
}

for (const [name, urls, shown] of chains) {
  describe(`28, A2 ${name}`, () => {
    for (const secret of secrets) {
      test(secret.name, async (t) => {
        const sent = await requestsOfChain(t, urls, secret)
        // A netrc file states for which hosts its credentials are. After a redirect from https to
        // http it is not used.
        const byHost = sent.map(
          ({ origin }, i) => new URL(origin).hostname === 'a.test' && !isAfterDowngrade(urls, i),
        )
        assert.deepEqual(sent.map(containsSecret), secret.netrc !== undefined ? byHost : shown)
      })
    }
  })
}

describe('28, A2 DigestAuth', () => {
  for (const [name, urls, shown] of chains) {
    test(name, async () => {
      let hop = 0
      const web = new Web(({ headers }) => {
        if (shown[hop] && !headers.has('authorization')) {
          return reply(401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'])
        }
        const next = urls[++hop]
        return next === undefined ? reply(200) : reply(307, [`Location: ${next}`])
      })
      const client = web.client({ auth: new DigestAuth('SECRET', 'x') })
      await web.during(client.get(urls[0] as string))
      const authorized = web.sent.filter(({ headers }) => headers.has('authorization'))
      assert.equal(authorized.length, shown.filter(Boolean).length)
      for (const { origin } of authorized) assert.equal(new URL(origin).hostname, 'a.test')
    })
  }
})

test('28 a Host field of the caller is not sent to another origin', async () => {
  const web = new Web((_, count) =>
    count === 1 ? reply(302, ['Location: http://b.test/']) : reply(200),
  )
  await web.during(web.client().get('http://a.test/', { headers: { Host: 'inner.test' } }))
  assert.deepEqual(web.origins, ['http://inner.test', 'http://b.test'])
})

test('28, A6 .netrc is looked up for the new host, and userinfo in a Location is ignored', async (t) => {
  useNetrc(t, 'machine a.test login a password x\nmachine b.test login b password y')
  const web = new Web((_, count) =>
    count === 1 ? reply(302, ['Location: http://evil:evil@b.test/']) : reply(200),
  )
  const response = await web.during(web.client({ trustEnv: true }).get('http://a.test/'))
  assert.deepEqual(
    web.sent.map(({ headers }) => headers.get('authorization')),
    [`Basic ${btoa('a:x')}`, `Basic ${btoa('b:y')}`],
  )
  assert.equal(response.url.href, 'http://b.test/')
})

test('31 .netrc is matched by the host, not by the userinfo', async (t) => {
  useNetrc(t, 'machine trusted.test login SECRET password x')
  for (const url of ['http://trusted.test:x@evil.test/', 'http://trusted.test@evil.test:80/']) {
    const web = new Web(() => reply(200))
    await web.during(web.client({ trustEnv: true }).get(url))
    assert.equal(web.sent.some(containsSecret), false)
  }
})

test('28 auth null also applies after a redirect', async (t) => {
  useNetrc(t, 'default login SECRET password x')
  const web = new Web((_, count) =>
    count === 1 ? reply(302, ['Location: http://b.test/']) : reply(200),
  )
  await web.during(web.client({ trustEnv: true }).get('http://a.test/', { auth: null }))
  assert.equal(web.sent.some(containsSecret), false)
})

test('28, A6 the cookies of the jar are selected again', async () => {
  const web = new Web(({ origin }) =>
    origin === 'http://a.test'
      ? reply(302, [
          'Location: http://b.test/',
          'Set-Cookie: a=1',
          'Set-Cookie: evil=1; Domain=b.test',
        ])
      : reply(200),
  )
  const client = web.client()
  client.cookies.set('b', '2', { domain: 'b.test' })
  await web.during(client.get('http://a.test/', { headers: { cookie: 'given=1' } }))
  assert.deepEqual(
    web.sent.map(({ headers }) => headers.get('cookie')),
    ['given=1', 'b=2'],
  )
})

test('28, A2 with real sockets: to another port, and back', async (t) => {
  const b = await recording(t, () => [307, { location: `${a.as('a')}/last` }])
  const a = await recording(t, ({ url }) =>
    url === '/last' ? [200] : [307, { location: `${b.as('a')}/` }],
  )
  const client = openClient(t, { auth: ['u', 'p'], cookies: { c: '1' } })
  await client.post(a.as('a'), { content: 'x' })
  const requests = [...a.requests.slice(0, 1), ...b.requests, ...a.requests.slice(1)]
  assert.deepEqual(
    requests.map(({ headers, content }) => [
      headers.authorization !== undefined,
      headers.cookie !== undefined,
      content,
    ]),
    [
      [true, true, 'x'],
      [false, false, 'x'],
      [false, false, 'x'],
    ],
  )
})
