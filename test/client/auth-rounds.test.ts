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

/** Starts a server that knows the user `u` with the password `p`. A nonce is valid `uses` times. */
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
  test('answers one challenge, and reuses the nonce', async (t) => {
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

  test('with a wrong password, the 401 is the result', async (t) => {
    const { origin } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'wrong') })
    const response = await client.get(origin)
    assert.deepEqual([response.status, response.text()], [401, 'who?'])
    assert.match(inspect(client), /0 active/)
  })

  for (const qop of ['auth', 'auth-int']) {
    test(`${qop}: the body is sent in both rounds`, async (t) => {
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

  test('a body that can be sent only once fails with StreamConsumed', async (t) => {
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
    assert.equal((await post()).status, 200) // The nonce is known now.
  })

  test('with a streamed response', async (t) => {
    const { origin } = await digestServer(t)
    const client = openClient(t, { auth: new DigestAuth('u', 'p') })
    const response = await client.stream('GET', origin)
    assert.equal((await response.read()).text(), 'welcome')
  })

  test('each hop of a redirect is authenticated separately', async (t) => {
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

describe('precedence of the sources of auth', () => {
  const basic = (text: string) => `Basic ${btoa(text)}`
  const cases: readonly [
    name: string,
    client: ClientOptions,
    userinfo: string,
    request: object,
    expected: string | undefined,
  ][] = [
    ['the request has precedence', { auth: ['c', ''] }, 'u:p@', { auth: ['r', ''] }, basic('r:')],
    ['then the client', { auth: ['c', ''] }, 'u:p@', {}, basic('c:')],
    ['then the URL', {}, 'u:p@', {}, basic('u:p')],
    [
      'the URL, decoded',
      {},
      'u%40h:%C3%A9%25@',
      {},
      `Basic ${Buffer.from('u@h:é%').toString('base64')}`,
    ],
    ['the URL, only a user', {}, 'u@', {}, basic('u:')],
    ['the URL, only a password', {}, ':p@', {}, basic(':p')],
    ['null in the request', { auth: ['c', ''] }, 'u:p@', { auth: null }, undefined],
    ['false in the request', { auth: ['c', ''] }, 'u:p@', { auth: false }, undefined],
    ['null in the client', { auth: null }, 'u:p@', {}, undefined],
    ['the request, with null in the client', { auth: null }, '', { auth: ['r', ''] }, basic('r:')],
    [
      'auth replaces a header',
      { auth: ['c', ''] },
      '',
      { headers: { AUTHORIZATION: 'given' } },
      basic('c:'),
    ],
    ['only a header', {}, '', { headers: { authorization: 'given' } }, 'given'],
    [
      'null keeps a header',
      { auth: ['c', ''] },
      '',
      { auth: null, headers: { authorization: 'given' } },
      'given',
    ],
  ]
  for (const [name, client, userinfo, request, expected] of cases) {
    test(name, async (t) => {
      const { origin, requests } = await recording(t)
      const response = await openClient(t, client).get(
        origin.replace('//', `//${userinfo}`),
        request,
      )
      assert.equal(requests[0]?.headers.authorization, expected)
      const fields = requests[0]?.rawHeaders.filter((text) => /^authorization$/i.test(text)) ?? []
      assert.equal(fields.length, expected === undefined ? 0 : 1)
      assert.deepEqual(response.history, [])
    })
  }

  test('userinfo that Basic does not allow is refused, and not shown', async (t) => {
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

  test('a subclass of BasicAuth runs its own flow', async (t) => {
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

describe('auth functions', () => {
  test('change the request, or return another one', async (t) => {
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

  test('can read the body', async (t) => {
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

  test("do not change the caller's request", async (t) => {
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

describe('auth flows', () => {
  /** Fetches a new token from another server. */
  class Token implements Auth {
    token = 'old'
    readonly #url: string

    constructor(url: string) {
      this.#url = url
    }

    async *authFlow(request: Request): Flow {
      request.headers.set('authorization', `Bearer ${this.token}`)
      const response = yield request
      if (response.status !== 401) return
      const answer = yield new Request('POST', this.#url, { content: 'grant' })
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

  test('several rounds, also to other URLs', async (t) => {
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

  test("the caller's cookies are not sent to other servers of the flow", async (t) => {
    const { tokens, api, auth } = await tokenServers(t)
    const client = openClient(t, { auth, cookies: { client: '1' } })
    await client.get(api.as('api'), { cookies: { request: '2' } })
    assert.equal(tokens.requests[0]?.headers.cookie, undefined)
    for (const { headers } of api.requests) assert.equal(headers.cookie, 'client=1; request=2')
    assert.equal(client.cookies.get('of', { domain: 'tokens.test' }), 'tokens')
  })

  test('the request after a redirect is derived from the request before the flow', async (t) => {
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

  test('a redirect is relative to the URL that the flow requested', async (t) => {
    const { as, requests } = await recording(t, ({ url }) =>
      url === '/sso/in' ? [302, { location: 'done' }] : [200],
    )
    const auth = () => new Request('GET', `${as('b')}/sso/in`, { headers: { cookie: 'given' } })
    const response = await openClient(t).get(as('a'), { auth, headers: { authorization: 'x' } })
    assert.equal(response.url.href, `${as('b')}/sso/done`)
    assert.equal(requests[1]?.headers.authorization, undefined)
  })

  const failure = new Error('broken flow')
  const first = async function* (request: Request): Flow {
    yield request
  }
  // biome-ignore-start lint/correctness/useYield: these flows are wrong in this respect
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
      'throws when it is called',
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
      'throws after two responses',
      async function* (request: Request): Flow {
        yield request
        yield request
        throw failure
      },
      failure,
      2,
    ],
    [
      'is a synchronous generator and throws',
      function* (request: Request) {
        yield request
        throw failure
      },
      failure,
      1,
    ],
    [
      'yields another object than a Request',
      async function* () {
        yield { url: 'http://h' }
      },
      /authFlow\(\) must yield Request objects/,
      0,
    ],
    [
      'yields undefined after a Request',
      async function* (request: Request) {
        yield request
        yield undefined
      },
      /authFlow\(\) must yield Request objects/,
      1,
    ],
    ['yields nothing', async function* () {}, /ended without yielding a request/, 0],
    ['is not a generator', () => undefined, TypeError, 0],
    [
      'yields a request that is refused',
      async function* (request: Request): Flow {
        yield request
        request.method = 'A B'
        yield request
      },
      /expected a token/,
      1,
    ],
  ]
  // biome-ignore-end lint/correctness/useYield: these flows are wrong in this respect
  for (const [name, authFlow, error, count] of broken) {
    test(`a flow that ${name}`, async (t) => {
      // Too large to be drained: a response that is not closed occupies the only connection.
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

  test('the flow is closed when a round fails, and the call rejects with that failure', async () => {
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
    assert.equal(web.backend.holdCount, 0)
  })

  test('90 its error is not withheld by a `finally` that never ends, or that throws', {
    timeout: 5_000,
  }, async () => {
    for (const end of [
      () => new Promise<void>(() => {}),
      () => Promise.reject(new Error('late')),
    ]) {
      async function* authFlow(request: Request): Flow {
        try {
          yield request
        } finally {
          await end()
        }
      }
      const web = new Web(() => 'nonsense\r\n\r\n')
      const client = web.client({ auth: { authFlow } })
      await assert.rejects(web.during(client.get('http://h.test/')), RemoteProtocolError)
      assert.match(inspect(client), /0 active/)
      assert.equal(web.backend.holdCount, 0)
    }
  })

  test('an error of another client keeps its request', async (t) => {
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

  test('a flow can read the last response', async (t) => {
    const { origin } = await recording(t, () => [200, {}, 'read'])
    async function* authFlow(request: Request): Flow {
      await (yield request).read()
    }
    const client = openClient(t, { auth: { authFlow } })
    assert.equal((await client.get(origin)).text(), 'read')
    assert.equal((await client.stream('GET', origin)).text(), 'read')
  })
})

test('retries happen within one round', async () => {
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
