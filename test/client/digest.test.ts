import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { parseAuthParams } from '../../src/client/auth/challenge.ts'
import { DigestAuth } from '../../src/client/auth/digest.ts'
import { Request } from '../../src/client/request.ts'
import { only } from '../support/at.ts'
import type { Answer } from './auth-flow.ts'
import { responseOf, runFlow } from './auth-flow.ts'

const HASHES: Record<string, string> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
}

interface Policy {
  /** How often a nonce may be used. */
  readonly uses?: number
  readonly algorithm?: string
  readonly qop?: string | null
  readonly realm?: string
  readonly password?: string
  readonly domain?: string
  readonly stale?: boolean
}

/** A server that computes the expected response itself, and refuses a repeated nonce count. */
function digestServer(policy: Policy = {}) {
  const { uses = Infinity, algorithm = 'MD5', qop = 'auth', realm = 'r' } = policy
  const hash = (data: string | Buffer) =>
    createHash(HASHES[algorithm.replace('-sess', '')] ?? algorithm)
      .update(data)
      .digest('hex')
  const nonces = new Map<string, Set<string>>()

  const challenge = (stale: boolean): Answer => {
    const nonce = `nonce-${nonces.size + 1}`
    nonces.set(nonce, new Set())
    const params = [
      `realm="${realm}", nonce="${nonce}", algorithm=${algorithm}`,
      qop && `qop="${qop}"`,
      policy.domain && `domain="${policy.domain}"`,
      stale && 'stale=true',
    ]
    return [401, { 'www-authenticate': `Digest ${params.filter(Boolean).join(', ')}` }]
  }

  const isValid = (request: Request, params: ReadonlyMap<string, string>): boolean => {
    const [nonce, cnonce, nc, used] = ['nonce', 'cnonce', 'nc', 'qop'].map((name) =>
      params.get(name),
    )
    const { password = 'pass' } = policy
    let a1 = hash(`user:${realm}:${password}`)
    if (algorithm.endsWith('-sess')) a1 = hash(`${a1}:${nonce}:${cnonce}`)
    const content = Buffer.from(String(request.content ?? ''))
    const integrity = used === 'auth-int' ? `:${hash(content)}` : ''
    const a2 = hash(`${request.method}:${request.target}${integrity}`)
    const nonceParts = used === undefined ? nonce : `${nonce}:${nc}:${cnonce}:${used}`
    return (
      params.get('username') === 'user' &&
      params.get('realm') === realm &&
      params.get('uri') === request.target &&
      params.get('response') === hash(`${a1}:${nonceParts}:${a2}`)
    )
  }

  const answer = (request: Request): Answer => {
    const field = request.headers.get('authorization')
    if (!field?.startsWith('Digest ')) return challenge(false)
    const params = parseAuthParams(field.slice(7))
    if (!isValid(request, params)) return challenge(false)
    const counts = nonces.get(params.get('nonce')!)
    const nc = params.get('nc') ?? String(counts?.size)
    if (!counts || counts.size >= uses || counts.has(nc)) return challenge(policy.stale ?? true)
    counts.add(nc)
    return [200]
  }
  return { answer, nonces }
}

const get = (url = 'http://example.com/a?b=c') => new Request('GET', url)
const user = () => new DigestAuth('user', 'pass')
const rounds = async (...flow: Parameters<typeof runFlow>) => {
  const { sent, status } = await runFlow(...flow)
  return [sent.length, status]
}
const nonceOf = (field: string | null | undefined) => /nonce="([^"]*)"/.exec(field ?? '')?.[1]
const countOf = (field: string | null) =>
  Number.parseInt(/nc=(\w+)/.exec(field ?? '')?.[1] ?? '', 16)

describe('A6 all algorithms and qop values', () => {
  for (const name of Object.keys(HASHES)) {
    for (const algorithm of [name, `${name}-sess`]) {
      for (const qop of ['auth', 'auth-int', 'auth-int,auth', null]) {
        test(`${algorithm} ${qop}`, async () => {
          const auth = user()
          const { answer } = digestServer({ algorithm, qop })
          const post = () => new Request('POST', 'http://h/x', { content: 'some content' })
          assert.deepEqual(await rounds(auth, post(), answer), [2, 200])
          assert.deepEqual(await rounds(auth, post(), answer), [1, 200])
        })
      }
    }
  }

  test('the body is read only for auth-int', async () => {
    const { answer } = digestServer({ qop: 'auth-int, auth' })
    const request = get()
    request.read = async () => assert.fail('was read')
    assert.deepEqual(await rounds(user(), request, answer), [2, 200])
  })

  test('uri is the request-target, also if it was assigned', async () => {
    const request = new Request('OPTIONS', 'http://h/x')
    request.target = '*'
    const { sent, status } = await runFlow(user(), request, digestServer().answer)
    assert.equal(status, 200)
    assert.match(sent[1]!, /uri="\*"/)
  })
})

describe('A6 rounds', () => {
  const digest = (params: string): Answer => [401, { 'www-authenticate': `Digest ${params}` }]
  const known = 'realm="r", nonce="n", qop="auth"'

  test('with a wrong password, the second 401 is the result', async () => {
    const { answer } = digestServer({ password: 'other' })
    assert.deepEqual(await rounds(user(), get(), answer), [2, 401])
  })

  test('a refused session is not used for the next request', async () => {
    const auth = user()
    const { answer } = digestServer({ password: 'other' })
    await runFlow(auth, get(), answer)
    const { sent } = await runFlow(auth, get(), answer)
    assert.equal(sent[0], null)
    assert.equal(sent.length, 2)
  })

  test('stale is accepted only once per request', async () => {
    const always = () => digest(`${known}, stale=true`)
    assert.deepEqual(await rounds(user(), get(), always), [2, 401])
    const thenStale = (_: Request, round: number) =>
      digest(round === 1 ? known : `realm="r", nonce="n${round}", stale=true`)
    assert.deepEqual(await rounds(user(), get(), thenStale), [3, 401])
  })

  test('a stale nonce is replaced', async () => {
    const auth = user()
    const { answer } = digestServer({ uses: 2 })
    assert.deepEqual(await rounds(auth, get(), answer), [2, 200])
    assert.deepEqual(await rounds(auth, get(), answer), [1, 200])
    assert.deepEqual(await rounds(auth, get(), answer), [2, 200])
    assert.deepEqual(await rounds(auth, get(), answer), [1, 200])
  })

  test('a nonce that the server refuses without stale is replaced', async () => {
    const auth = user()
    const { answer } = digestServer({ uses: 1, stale: false })
    assert.deepEqual(await rounds(auth, get(), answer), [2, 200])
    assert.deepEqual(await rounds(auth, get(), answer), [2, 200])
  })

  const results: [name: string, answer: Answer][] = [
    ['no challenge', [401]],
    ['no Digest challenge', [401, { 'www-authenticate': 'Basic realm="x"' }]],
    ['an unknown algorithm', digest(`${known}, algorithm=SHA3-256`)],
    ['an unknown qop', digest('realm="r", nonce="n", qop="auth-conf"')],
    ['a challenge from a proxy', [407, { 'proxy-authenticate': `Digest ${known}` }]],
    ['a challenge with another status', [403, { 'www-authenticate': `Digest ${known}` }]],
    ['success', [200]],
  ]
  for (const [name, answer] of results) {
    test(`${name} is the result`, async () => {
      const { sent, status } = await runFlow(user(), get(), () => answer)
      assert.deepEqual(sent, [null])
      assert.equal(status, answer[0])
    })
  }

  test('the strongest challenge in several fields is answered', async () => {
    const fields = ['Basic realm="x"', `Digest ${known}`, `Digest ${known}, algorithm=SHA-256`]
    const { sent } = await runFlow(user(), get(), (_, round) =>
      round === 1 ? [401, { 'www-authenticate': fields }] : [200],
    )
    assert.match(sent[1]!, /algorithm=SHA-256/)
  })
})

describe('A6 a nonce is reused', () => {
  test('with an increasing count', async () => {
    const auth = user()
    const { answer, nonces } = digestServer()
    const counts: number[] = []
    for (let i = 0; i < 3; i++) {
      const { sent } = await runFlow(auth, get(`http://h/${i}`), answer)
      counts.push(countOf(sent.at(-1)!))
    }
    assert.deepEqual(counts, [1, 2, 3])
    assert.equal(nonces.size, 1)
  })

  test('by concurrent requests, each with a different count', async () => {
    const auth = user()
    const { answer } = digestServer({ qop: 'auth-int' })
    const post = (i: number) => new Request('POST', `http://h/${i}`, { content: 'x' })
    await runFlow(auth, post(0), answer)
    const flows = await Promise.all(
      Array.from({ length: 20 }, (_, i) => runFlow(auth, post(i), answer)),
    )
    assert.deepEqual(
      flows.map(({ status, sent }) => [status, sent.length]),
      Array(20).fill([200, 1]),
    )
    const counts = flows.map(({ sent }) => countOf(only(sent)))
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i + 2),
    )
  })

  test('by concurrent requests that receive the same challenge', async () => {
    const auth = user()
    const challenge = { 'www-authenticate': 'Digest realm="r", nonce="same", qop="auth"' }
    const flows = [get(), get(), get()].map((request) => ({
      request,
      flow: auth.authFlow(request),
    }))
    await Promise.all(flows.map(({ flow }) => flow.next()))
    await Promise.all(
      flows.map(({ request, flow }) => flow.next(responseOf(request.url, 401, challenge))),
    )
    const counts = flows.map(({ request }) => countOf(request.headers.get('authorization')))
    assert.deepEqual(counts.toSorted(), [1, 2, 3])
  })

  test('until the server sends nextnonce', async () => {
    const auth = user()
    const info = (next: string): Answer => [
      200,
      { 'authentication-info': `nextnonce="${next}", qop=auth` },
    ]
    const first = await runFlow(auth, get(), (_, round) =>
      round === 1
        ? [401, { 'www-authenticate': 'Digest realm="r", nonce="n1", qop="auth"' }]
        : info('n2'),
    )
    assert.equal(nonceOf(first.sent[1]), 'n1')
    const sent: (string | null)[] = []
    for (const next of ['n2', 'n3', 'n3'])
      sent.push(...(await runFlow(auth, get(), () => info(next))).sent)
    assert.deepEqual(
      sent.map((field) => [nonceOf(field), countOf(field)]),
      [
        ['n2', 1],
        ['n2', 2],
        ['n3', 1],
      ],
    )
  })

  test('cnonce has 128 random bits, and differs for each challenge', async () => {
    const cnonces = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const { sent } = await runFlow(user(), get(), digestServer().answer)
      const cnonce = /cnonce="([^"]*)"/.exec(sent[1] ?? '')?.[1] ?? ''
      assert.match(cnonce, /^[0-9a-f]{32}$/)
      cnonces.add(cnonce)
    }
    assert.equal(cnonces.size, 50)
  })
})

describe('A6 protection spaces', () => {
  const others = ['http://h:81/', 'https://h/', 'http://www.h/', 'http://other/', 'http://[::1]/']
  for (const other of others) {
    test(`a session of http://h/ is not used for ${other}`, async () => {
      const auth = user()
      await runFlow(auth, get('http://h/'), digestServer().answer)
      const { sent } = await runFlow(auth, get(other), () => [200])
      assert.deepEqual(sent, [null])
    })
  }

  test('userinfo is not part of the origin', async () => {
    const auth = user()
    const { answer } = digestServer()
    await runFlow(auth, get('http://h/'), answer)
    assert.deepEqual(await rounds(auth, get('http://u:p@h/'), answer), [1, 200])
  })

  test('28, A6 the challenge of a response from another origin is not answered', async () => {
    const request = get('http://h/')
    const flow = user().authFlow(request)
    await flow.next()
    const challenge = { 'www-authenticate': 'Digest realm="r", nonce="n", qop="auth"' }
    const step = await flow.next(responseOf(new URL('http://evil/'), 401, challenge))
    assert.equal(step.done, true)
    assert.equal(request.headers.get('authorization'), null)
  })

  test('the parameter domain limits the URLs of a session', async () => {
    const auth = user()
    const { answer } = digestServer({ domain: '/in http://h/also?x http://other/ http://[' })
    await runFlow(auth, get('http://h/in/a'), answer)
    const isAuthorized = async (url: string) =>
      (await runFlow(auth, get(url), () => [200])).sent[0] !== null
    assert.equal(await isAuthorized('http://h/in/b'), true)
    assert.equal(await isAuthorized('http://h/also?xyz'), true)
    assert.equal(await isAuthorized('http://h/also?y'), false)
    assert.equal(await isAuthorized('http://h/out'), false)
    assert.equal(await isAuthorized('http://other/'), false)
  })

  test('the most specific space is used', async () => {
    const auth = user()
    const outer = digestServer({ realm: 'outer' })
    const inner = digestServer({ realm: 'inner', domain: '/inner' })
    await runFlow(auth, get('http://h/inner/x'), inner.answer)
    await runFlow(auth, get('http://h/x'), outer.answer)
    assert.deepEqual(await rounds(auth, get('http://h/inner/y'), inner.answer), [1, 200])
    assert.deepEqual(await rounds(auth, get('http://h/y'), outer.answer), [1, 200])
  })

  test('two realms without domain: each challenge is answered', async () => {
    const auth = user()
    const servers = [digestServer({ realm: 'a' }), digestServer({ realm: 'b' })]
    for (const repetition of [1, 2, 3]) {
      for (const [i, { answer }] of servers.entries()) {
        const result = await rounds(auth, get(`http://h/${i}`), answer)
        assert.deepEqual(result, [2, 200], `${repetition}`)
      }
    }
  })

  const hasSession = async (auth: DigestAuth, url: string) =>
    (await runFlow(auth, get(url), () => [200])).sent[0] !== null

  test('sessions of the latest 1,000 origins are kept', async () => {
    const auth = user()
    for (let i = 0; i <= 1000; i++) await runFlow(auth, get(`http://h${i}/`), digestServer().answer)
    assert.equal(await hasSession(auth, 'http://h0/'), false)
    assert.equal(await hasSession(auth, 'http://h1/'), true)
    assert.equal(await hasSession(auth, 'http://h1000/'), true)
  })

  test('sessions of the latest 16 realms of an origin are kept', async () => {
    const auth = user()
    for (let i = 10; i <= 26; i++) {
      const { answer } = digestServer({ realm: `r${i}`, domain: `/${i}` })
      await runFlow(auth, get(`http://h/${i}`), answer)
    }
    assert.equal(await hasSession(auth, 'http://h/10'), false)
    assert.equal(await hasSession(auth, 'http://h/11'), true)
    assert.equal(await hasSession(auth, 'http://h/26'), true)
  })
})
