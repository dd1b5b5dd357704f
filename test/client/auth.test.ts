import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Auth, AuthInit, AuthResponse } from '../../src/client/auth/auth.ts'
import { BasicAuth } from '../../src/client/auth/basic.ts'
import { DigestAuth } from '../../src/client/auth/digest.ts'
import { resolveAuth, userinfoAuth } from '../../src/client/auth/resolve.ts'
import { Request } from '../../src/client/request.ts'
import { InvalidURL } from '../../src/errors.ts'
import { at } from '../support/at.ts'
import { runFlow } from './auth-flow.ts'

const get = () => new Request('GET', 'http://example.com/')
const ok = () => [200] as const

function decoded(auth: BasicAuth | null): string | null {
  if (auth === null) return null
  const [scheme, value = ''] = auth.authorization.split(' ')
  assert.equal(scheme, 'Basic')
  return Buffer.from(value, 'base64').toString()
}

describe('A6 BasicAuth', () => {
  const cases: [user: string, password: string, value: string][] = [
    ['Aladdin', 'open sesame', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='], // RFC 7617 2
    ['test', '123£', 'Basic dGVzdDoxMjPCow=='], // RFC 7617 2.1
    ['', '', 'Basic Og=='],
    ['user', 'a:b', 'Basic dXNlcjphOmI='],
  ]
  for (const [user, password, value] of cases) {
    test(`${inspect(user)}, ${inspect(password)}`, async () => {
      const auth = new BasicAuth(user, password)
      assert.equal(auth.authorization, value)
      assert.deepEqual(await runFlow(auth, get(), ok), { sent: [value], status: 200 })
    })
  }

  test('replaces an Authorization field, and sends one request', async () => {
    const request = new Request('GET', 'http://example.com/', {
      headers: { Authorization: 'Bearer x' },
    })
    const { sent, status } = await runFlow(new BasicAuth('u', 'p'), request, () => [401])
    assert.deepEqual(sent, ['Basic dTpw'])
    assert.equal(status, 401)
  })
})

describe('invalid credentials are refused, and not shown', () => {
  const cases: [user: unknown, password: unknown, message: RegExp][] = [
    ['secret:x', 'secret', /^The user for \w+ auth must not contain a colon$/],
    ['secret\r\nx: y', 'secret', /^The user for .* must not contain control characters/],
    ['secret', 'secret\0', /^The password for .* must not contain control characters/],
    ['secret', 'secret\x7f', /^The password for .* must not contain control characters/],
    ['secret', 'secret\ud800', /^The password for .* must not contain .* lone surrogates$/],
    ['secret', undefined, /^The password for .* must be a string, not undefined$/],
    ['secret', null, /^The password for .* must be a string, not null$/],
    [{ secret: 1 }, 'secret', /^The user for .* must be a string, not Object$/],
  ]
  for (const [user, password, message] of cases) {
    for (const type of [BasicAuth, DigestAuth]) {
      test(`${type.name} with ${inspect(user)}, ${inspect(password)}`, () => {
        assert.throws(
          () => new type(user as string, password as string),
          (error) => {
            assert.ok(error instanceof TypeError)
            assert.match(error.message, message)
            assert.doesNotMatch(at(inspect(error, { depth: 9 }).split('\n    at'), 0), /secret/)
            return true
          },
        )
      })
    }
  }
})

test('util.inspect and JSON.stringify show neither user nor password', () => {
  for (const auth of [new BasicAuth('secret', 'secret'), new DigestAuth('secret', 'secret')]) {
    const shown = inspect(auth, { showHidden: true, getters: true, depth: 9 })
    assert.doesNotMatch(shown, /secret|c2VjcmV0/)
    assert.doesNotMatch(JSON.stringify(auth), /secret|c2VjcmV0/)
    assert.doesNotMatch(inspect({ auth }), /secret|c2VjcmV0/)
  }
})

describe('A6 userinfo of a URL', () => {
  const cases: [url: string, decoded: string | null][] = [
    ['http://h/', null],
    ['http://@h/', null],
    ['http://:@h/', null],
    ['http://user@h/', 'user:'],
    ['http://:pass@h/', ':pass'],
    ['http://user:pass@h/', 'user:pass'],
    ['http://us%65r:p%40ss%3Aw%2Ford@h/', 'user:p@ss:w/ord'],
    ['http://j%C3%A4s:%E2%82%AC@h/', 'jäs:€'],
    ['http://jäs:€@h/', 'jäs:€'],
    ['http://u:100%@h/', 'u:100%'],
    ['http://u:%zz%4@h/', 'u:%zz%4'],
    ['http://u:%ff@h/', 'u:%ff'],
    ['http://u:%2541@h/', 'u:%41'],
  ]
  for (const [url, expected] of cases) {
    test(url, () => assert.equal(decoded(userinfoAuth(new URL(url))), expected))
  }

  for (const url of [
    'http://secret%3Ax:y@h/',
    'http://u:secret%0d%0a@h/',
    'http://%00:secret@h/',
  ]) {
    test(`${url} is refused`, () => {
      assert.throws(
        () => userinfoAuth(new URL(url)),
        (error) => {
          assert.ok(error instanceof InvalidURL)
          assert.match(
            error.message,
            /^Invalid userinfo in http:\/\/h\/: The (?:user|password) for Basic auth/,
          )
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }
})

describe('the option auth', () => {
  test('null and false disable authentication', () => {
    assert.equal(resolveAuth(null), null)
    assert.equal(resolveAuth(false), null)
  })

  test('a pair means Basic authentication', () => {
    const auth = resolveAuth(['user', 'pass'])
    assert.ok(auth instanceof BasicAuth)
    assert.equal(decoded(auth), 'user:pass')
  })

  test('an Auth is used unchanged', () => {
    const auth: Auth = {
      *authFlow(request: Request): Generator<Request, void, AuthResponse> {
        yield request
      },
    }
    assert.equal(resolveAuth(auth), auth)
    const digest = new DigestAuth('u', 'p')
    assert.equal(resolveAuth(digest), digest)
  })

  test('a custom flow receives the response and can send another request', async () => {
    class Tokens implements Auth {
      async *authFlow(request: Request): AsyncGenerator<Request, void, AuthResponse> {
        const response = yield request
        if (response.status !== 401) return
        request.headers.set('authorization', `Bearer ${response.headers.get('x-hint')}`)
        yield request
      }
    }
    const { sent, status } = await runFlow(resolveAuth(new Tokens())!, get(), (_, round) =>
      round === 1 ? [401, { 'x-hint': 'abc' }] : [200],
    )
    assert.deepEqual(sent, [null, 'Bearer abc'])
    assert.equal(status, 200)
  })

  const functions: [name: string, sign: (request: Request) => Request | Promise<Request>][] = [
    [
      'changes the request',
      (request) => {
        request.headers.set('authorization', 'T x')
        return request
      },
    ],
    [
      'returns another request',
      () => new Request('GET', 'http://h/', { headers: { authorization: 'T x' } }),
    ],
    [
      'is asynchronous',
      async (request) => {
        await null
        request.headers.set('authorization', 'T x')
        return request
      },
    ],
  ]
  for (const [name, sign] of functions) {
    test(`a function that ${name}`, async () => {
      assert.deepEqual(await runFlow(resolveAuth(sign)!, get(), ok), { sent: ['T x'], status: 200 })
    })
  }

  test('a function that returns nothing or throws', async () => {
    const returnsNothing = (() => {}) as unknown as AuthInit
    await assert.rejects(runFlow(resolveAuth(returnsNothing)!, get(), ok), {
      name: 'TypeError',
      message: 'The auth function must return a Request, not undefined',
    })
    const reason = new Error('no token')
    const throws = () => {
      throw reason
    }
    await assert.rejects(runFlow(resolveAuth(throws)!, get(), ok), reason)
  })

  const wrong: [init: unknown, kind: string][] = [
    ['user:secret', 'string'],
    [true, 'boolean'],
    [7, 'number'],
    [undefined, 'undefined'],
    [{ user: 'secret' }, 'Object'],
    [{ authFlow: 'secret' }, 'Object'],
    [['secret'], '[string]'],
    [['secret', 5], '[string, number]'],
    [['secret', 'secret', 'secret'], '[string, string, string]'],
  ]
  for (const [init, kind] of wrong) {
    test(`${inspect(init)} is a TypeError that does not show it`, () => {
      assert.throws(() => resolveAuth(init as AuthInit), {
        name: 'TypeError',
        message: `auth must be [user, password], an object with authFlow(), a function, null or false, not ${kind}`,
      })
    })
  }
})
