import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Auth, AuthResponse, ClientOptions, ConnectError } from '../../src/index.ts'
import {
  BasicAuth,
  DigestAuth,
  RemoteProtocolError,
  Request,
  StreamConsumed,
} from '../../src/index.ts'
import type { Recorded } from './recorded.ts'
import { openClient, recording } from './recorded.ts'
import { RESET, reply, Web } from './scripted-web.ts'

type Flow = AsyncGenerator<Request, void, AuthResponse>

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

/** Knows the user `u` with the password `p`; a nonce is good `uses` times. */
function digestServer(t: TestContext, { uses = Infinity, qop = 'auth' } = {}) {
  let nonce = 0
  let used = 0
  const counts: string[] = []
  const check = ({ method, url, headers, content }: Recorded): boolean => {
    const { authorization = '' } = headers
    const field = (name: string) =>
      new RegExp(`[ ,]${name}="?([^",]*)`).exec(authorization)?.[1] ?? ''
    if (field('nonce') !== `n${nonce}` || used++ >= uses) return false
    counts.push(field('nc'))
    const hash = field('qop') === 'auth-int' ? `:${md5(content)}` : ''
    const a2 = md5(`${method}:${url}${hash}`)
    const middle = `${field('nonce')}:${field('nc')}:${field('cnonce')}:${field('qop')}`
    return field('response') === md5(`${md5('u:r:p')}:${middle}:${a2}`)
  }
  const answer = (request: Recorded) => {
    if (check(request)) return [200, {}, request.content || 'welcome'] as const
    used = 0
    const challenge = `Digest realm="r", nonce="n${++nonce}", qop="${qop}"`
    const stale = request.headers.authorization === undefined ? '' : ', stale=true'
    return [401, { 'www-authenticate': challenge + stale }, 'who?'] as const
  }
  return recording(t, answer).then((server) => ({ ...server, counts }))
}

describe('A3, A6 DigestAuth', () => {
  test('answers once, and uses the nonce again', async (t) => {
    const { origin, requests, counts, sockets } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    const first = await client.get(`${origin}/a?b=c`)
    assert.deepEqual([first.status, first.text()], [200, 'welcome'])
    assert.deepEqual(
      first.history.map(({ status }) => status),
      [401],
    )
    for (const path of ['/d', '/e']) {
      assert.deepEqual((await client.get(origin + path)).history, [])
    }
    assert.deepEqual(counts, ['00000001', '00000002', '00000003'])
    assert.equal(requests.length, 4)
    assert.equal(sockets.length, 1)
  })

  test('a stale nonce is replaced', async (t) => {
    const { origin, requests } = await digestServer(t, { uses: 1 })
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    for (let i = 0; i < 3; i++) assert.equal((await client.get(origin)).status, 200)
    assert.equal(requests.length, 6)
  })

  test('a wrong password: the 401 is the result', async (t) => {
    const { origin } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'wrong') })
    const response = await client.get(origin)
    assert.deepEqual([response.status, response.text()], [401, 'who?'])
    assert.match(inspect(client), /0 active/)
  })

  for (const qop of ['auth', 'auth-int']) {
    test(`${qop}: content is sent in both rounds`, async (t) => {
      const { origin, requests } = await digestServer(t, { qop })
      const client = openClient(t, { auth: new DigestAuth('u', 'p') })
      const contents = [
        'text',
        Buffer.from('bytes'),
        new Blob(['blob']),
        ['a', 'b'],
        'x'.repeat(50_000),
      ]
      for (const content of contents) {
        const response = await client.post(origin, { content })
        assert.equal(response.status, 200)
        assert.equal(response.text(), requests.at(-1)?.content)
      }
      assert.equal(requests[0]?.content, 'text')
      assert.equal(requests[1]?.content, 'text')
    })
  }

  test('content that comes once cannot be', async (t) => {
    const { origin, requests } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    const post = () => client.post(origin, { content: Readable.from(['once']) })
    await assert.rejects(post(), (error: unknown) => {
      assert.ok(error instanceof StreamConsumed)
      assert.ok(error.request instanceof Request)
      return true
    })
    assert.equal(requests.length, 1)
    assert.match(inspect(client), /0 active/)
    assert.equal((await post()).status, 200) // the nonce is known by now
  })

  test('streamed', async (t) => {
    const { origin } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    const response = await client.stream('GET', origin)
    assert.equal((await response.read()).text(), 'welcome')
  })

  test('each hop of a redirect by itself', async (t) => {
    const { origin, requests } = await recording(t, ({ url, headers }) => {
      if (headers.authorization === undefined) {
        return [
          401,
          { 'www-authenticate': `Digest realm="${url}", nonce="n", qop="auth", domain="${url}"` },
        ]
      }
      return url === '/a' ? [307, { location: '/b' }] : [200]
    })
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    const response = await client.get(`${origin}/a`)
    assert.deepEqual(
      response.history.map(({ status, url }) => `${status} ${url.pathname}`),
      ['401 /a', '307 /a', '401 /b'],
    )
    const uris = requests.map(
      ({ headers }) => /uri="([^"]*)/.exec(headers.authorization ?? '')?.[1],
    )
    assert.deepEqual(uris, [undefined, '/a', undefined, '/b'])
  })
})

describe('whose auth', () => {
  const basic = (text: string) => `Basic ${btoa(text)}`
  const cases: readonly [
    name: string,
    client: ClientOptions,
    userinfo: string,
    request: object,
    want: string | undefined,
  ][] = [
    ['the request first', { auth: ['c', ''] }, 'u:p@', { auth: ['r', ''] }, basic('r:')],
    ['then the client', { auth: ['c', ''] }, 'u:p@', {}, basic('c:')],
    ['then the URL', {}, 'u:p@', {}, basic('u:p')],
    [
      'the URL, decoded',
      {},
      'u%40h:%C3%A9%25@',
      {},
      `Basic ${Buffer.from('u@h:é%').toString('base64')}`,
    ],
    ['the URL, user alone', {}, 'u@', {}, basic('u:')],
    ['the URL, password alone', {}, ':p@', {}, basic(':p')],
    ['null of the request', { auth: ['c', ''] }, 'u:p@', { auth: null }, undefined],
    ['false of the request', { auth: ['c', ''] }, 'u:p@', { auth: false }, undefined],
    ['null of the client', { auth: null }, 'u:p@', {}, undefined],
    ['of the request in spite of null', { auth: null }, '', { auth: ['r', ''] }, basic('r:')],
    [
      'auth over a header',
      { auth: ['c', ''] },
      '',
      { headers: { AUTHORIZATION: 'own' } },
      basic('c:'),
    ],
    ['a header by itself', {}, '', { headers: { authorization: 'own' } }, 'own'],
    [
      'null leaves a header',
      { auth: ['c', ''] },
      '',
      { auth: null, headers: { authorization: 'own' } },
      'own',
    ],
  ]
  for (const [name, client, userinfo, request, want] of cases) {
    test(name, async (t) => {
      const { origin, requests } = await recording(t)
      const response = await openClient(t, client).get(
        origin.replace('//', `//${userinfo}`),
        request,
      )
      assert.equal(requests[0]?.headers.authorization, want)
      const given = requests[0]?.rawHeaders.filter((text) => /^authorization$/i.test(text)) ?? []
      assert.equal(given.length, want === undefined ? 0 : 1)
      assert.deepEqual(response.history, [])
    })
  }

  test('userinfo that Basic cannot carry is refused, and not shown', async (t) => {
    const { origin, requests } = await recording(t)
    await assert.rejects(
      openClient(t).get(origin.replace('//', '//us%3Aer:secret@')),
      (error: unknown) => {
        assert.equal((error as Error).name, 'InvalidURL')
        assert.doesNotMatch(inspect(error), /secret|us%3Aer/)
        return true
      },
    )
    assert.equal(requests.length, 0)
  })

  test('a class on top of BasicAuth has its own flow', async (t) => {
    class Twice extends BasicAuth {
      override *authFlow(request: Request) {
        request.headers.set('x-twice', this.authorization)
        yield request
      }
    }
    const { origin, requests } = await recording(t)
    await openClient(t, { auth: new Twice('u', 'p') }).get(origin)
    assert.equal(requests[0]?.headers['x-twice'], basic('u:p'))
    assert.equal(requests[0]?.headers.authorization, undefined)
  })
})

describe('functions', () => {
  test('change the request, or make another', async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t)
    await client.get(origin, {
      auth: (request) => {
        request.headers.set('x-token', 'one')
        return request
      },
    })
    await client.get(origin, {
      auth: async () => new Request('PUT', `${origin}/two`, { content: 'two' }),
    })
    assert.equal(requests[0]?.headers['x-token'], 'one')
    assert.deepEqual([requests[1]?.method, requests[1]?.url], ['PUT', '/two'])
  })

  test('see content, and may read it', async (t) => {
    const { origin, requests } = await recording(t)
    const sign = async (request: Request) => {
      request.headers.set('x-hash', md5(String(await request.read())))
      return request
    }
    const client = openClient(t, { auth: sign })
    await client.post(origin, { content: 'abc' })
    await client.post(origin, { content: Readable.from(['a', 'bc']) })
    for (const { headers, content } of requests) {
      assert.deepEqual([headers['x-hash'], content], [md5('abc'), 'abc'])
    }
  })

  test('leave the request of the caller as it was', async (t) => {
    const { origin } = await recording(t)
    const client = openClient(t, {
      auth: (request) => {
        request.headers.set('x-token', 'secret')
        request.url.search = '?secret'
        return request
      },
    })
    const request = client.buildRequest('GET', origin)
    await client.send(request)
    assert.equal(request.headers.has('x-token'), false)
    assert.equal(request.url.search, '')
  })

  const failure = new Error('no token')
  const broken: readonly [name: string, auth: () => never, error: object][] = [
    [
      'that throw',
      () => {
        throw failure
      },
      failure,
    ],
    ['that reject', (() => Promise.reject(failure)) as never, failure],
    ['that return nothing', (() => undefined) as never, /must return a Request, not undefined/],
    [
      'that return a fetch Request',
      (() => new globalThis.Request('http://h')) as never,
      /must return a Request/,
    ],
  ]
  for (const [name, auth, error] of broken) {
    test(name, async (t) => {
      const { origin, sockets } = await recording(t)
      await assert.rejects(openClient(t).get(origin, { auth }), error)
      assert.equal(sockets.length, 0)
    })
  }
})

describe('flows', () => {
  /** Renews its token at another server. */
  class Token implements Auth {
    token = 'old'
    readonly #at: string

    constructor(at: string) {
      this.#at = at
    }

    async *authFlow(request: Request): Flow {
      request.headers.set('authorization', `Bearer ${this.token}`)
      const response = yield request
      if (response.status !== 401) return
      const answer = yield new Request('POST', this.#at, { content: 'grant' })
      await answer.read()
      this.token = (answer as unknown as { text(): string }).text()
      request.headers.set('authorization', `Bearer ${this.token}`)
      yield request
    }
  }

  async function tokenServers(t: TestContext) {
    const tokens = await recording(t, () => [200, { 'set-cookie': 'of=tokens' }, 'new'])
    const api = await recording(t, ({ headers }) =>
      headers.authorization === 'Bearer new' ? [200, {}, 'welcome'] : [401, {}, 'renew'],
    )
    return { tokens, api, auth: new Token(tokens.as('tokens')) }
  }

  test('several rounds, to other URLs too', async (t) => {
    const { tokens, api, auth } = await tokenServers(t)
    const hooked: string[] = []
    const client = openClient(t, {
      auth,
      eventHooks: {
        request: [({ method, url }) => hooked.push(`${method} ${url.hostname}`)],
        response: [({ status, url }) => hooked.push(`${status} ${url.hostname}`)],
      },
    })
    const response = await client.get(api.as('api'))
    assert.equal(response.text(), 'welcome')
    assert.deepEqual(
      response.history.map(({ status, url }) => `${status} ${url.hostname}`),
      ['401 api.test', '200 tokens.test'],
    )
    assert.equal(response.history[1]?.text(), 'new')
    assert.equal(response.url.href, `${api.as('api')}/`)
    assert.deepEqual(hooked, [
      ...['GET api.test', '401 api.test'],
      ...['POST tokens.test', '200 tokens.test'],
      ...['GET api.test', '200 api.test'],
    ])
    assert.equal(tokens.requests[0]?.content, 'grant')
    assert.deepEqual((await client.get(api.as('api'))).history, [])
    assert.match(inspect(client), /0 connecting, 0 active/)
  })

  test("the caller's cookies are not for the flow's other servers", async (t) => {
    const { tokens, api, auth } = await tokenServers(t)
    const client = openClient(t, { auth, cookies: { client: '1' } })
    await client.get(api.as('api'), { cookies: { request: '2' } })
    assert.equal(tokens.requests[0]?.headers.cookie, undefined)
    for (const { headers } of api.requests) assert.equal(headers.cookie, 'client=1; request=2')
    assert.equal(client.cookies.get('of', { domain: 'tokens.test' }), 'tokens')
  })

  test('a redirect behind it starts from the request before', async (t) => {
    const { origin, requests } = await recording(t, ({ url }) =>
      url.startsWith('/to') ? [200] : [302, { location: '/to' }],
    )
    let rounds = 0
    async function* authFlow(request: Request): Flow {
      rounds++
      request.headers.set('x-token', request.url.pathname)
      yield request
    }
    await openClient(t, { auth: { authFlow } }).get(`${origin}/from`)
    assert.deepEqual(
      requests.map(({ headers }) => headers['x-token']),
      ['/from', '/to'],
    )
    assert.equal(rounds, 2)
  })

  test('a redirect of another URL that it asked is relative to that', async (t) => {
    const { as, requests } = await recording(t, ({ url }) =>
      url === '/sso/in' ? [302, { location: 'done' }] : [200],
    )
    const auth = () => new Request('GET', `${as('b')}/sso/in`, { headers: { cookie: 'own' } })
    const response = await openClient(t).get(as('a'), { auth, headers: { authorization: 'x' } })
    assert.equal(response.url.href, `${as('b')}/sso/done`)
    assert.equal(requests[1]?.headers.authorization, undefined)
  })

  const failure = new Error('broken flow')
  const first = async function* (request: Request): Flow {
    yield request
  }
  // biome-ignore-start lint/correctness/useYield: that is what these get wrong
  const broken: readonly [
    name: string,
    flow: (request: Request) => unknown,
    error: object,
    requests: number,
  ][] = [
    [
      'throws before it yields',
      async function* (): Flow {
        throw failure
      },
      failure,
      0,
    ],
    [
      'throws as it is called',
      () => {
        throw failure
      },
      failure,
      0,
    ],
    [
      'throws after a response',
      async function* (request: Request): Flow {
        yield request
        throw failure
      },
      failure,
      1,
    ],
    [
      'throws after two',
      async function* (request: Request): Flow {
        yield request
        yield request
        throw failure
      },
      failure,
      2,
    ],
    [
      'of the plain kind throws',
      function* (request: Request) {
        yield request
        throw failure
      },
      failure,
      1,
    ],
    [
      'yields no request',
      async function* () {
        yield { url: 'http://h' }
      },
      /authFlow must yield requests/,
      0,
    ],
    [
      'yields no request after one',
      async function* (request: Request) {
        yield request
        yield undefined
      },
      /authFlow must yield requests/,
      1,
    ],
    ['yields nothing', async function* () {}, /no request at all/, 0],
    ['is no generator', () => undefined, TypeError, 0],
    [
      'yields one that is refused',
      async function* (request: Request): Flow {
        yield request
        request.method = 'A B'
        yield request
      },
      /not a token/,
      1,
    ],
  ]
  // biome-ignore-end lint/correctness/useYield: that is what these get wrong
  for (const [name, authFlow, error, count] of broken) {
    test(`one that ${name}`, async (t) => {
      // Too large to be drained: what is not closed keeps its place.
      const { origin, requests } = await recording(t, () => [200, {}, 'x'.repeat(1_000_000)])
      const client = openClient(t, {
        poolLimits: { maxConnections: 1 },
        auth: { authFlow } as never,
      })
      await assert.rejects(client.get(origin), error)
      assert.equal(requests.length, count)
      assert.match(inspect(client), /0 connecting, 0 active/)
      assert.equal((await client.get(origin, { auth: { authFlow: first } })).status, 200)
    })
  }

  test('is closed when a round fails, and the failure is the result', async () => {
    let closed = 0
    async function* authFlow(request: Request): Flow {
      try {
        yield request
        yield request
      } finally {
        closed++
      }
    }
    const web = new Web((_, count) => (count === 1 ? reply(200) : 'nonsense\r\n\r\n'))
    const client = web.client({ auth: { authFlow } })
    const request = client.buildRequest('GET', 'http://h.test/')
    await assert.rejects(web.during(client.send(request)), RemoteProtocolError)
    assert.equal(closed, 1)
    assert.match(inspect(client), /0 active/)
    assert.equal(web.backend.held, 0)
  })

  test('an error of a request of its own stays with that', async (t) => {
    const { origin } = await recording(t)
    const client = openClient(t)
    const web = new Web(() => RESET)
    const other = web.client()
    async function* authFlow(request: Request): Flow {
      await web.during(other.get('http://tokens.test/'))
      yield request
    }
    await assert.rejects(client.get(origin, { auth: { authFlow } }), (error: unknown) => {
      const { request } = error as ConnectError
      assert.equal((request as Request).url.href, 'http://tokens.test/')
      return true
    })
  })

  test('one that reads the last response', async (t) => {
    const { origin } = await recording(t, () => [200, {}, 'read'])
    async function* authFlow(request: Request): Flow {
      await (yield request).read()
    }
    const client = openClient(t, { auth: { authFlow } })
    assert.equal((await client.get(origin)).text(), 'read')
    assert.equal((await client.stream('GET', origin)).text(), 'read')
  })
})

test('retries are inside of a round', async () => {
  const web = new Web(({ headers }, count) => {
    if (count === 1) return reply(503, ['Retry-After: 0'])
    return headers.has('authorization')
      ? reply(200)
      : reply(401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'])
  })
  const client = web.client({ auth: new DigestAuth('u', 'p'), retries: 1 })
  const call = client.get('http://h.test/')
  await web.serve()
  await web.clock.advance(0)
  const response = await web.during(call)
  assert.equal(response.status, 200)
  assert.deepEqual(
    response.history.map(({ status }) => status),
    [401],
  )
})
