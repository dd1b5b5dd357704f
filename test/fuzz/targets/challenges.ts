import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseAuthParams, parseChallenges } from '../../../src/client/auth/challenge.ts'
import { chooseChallenge } from '../../../src/client/auth/digest-challenge.ts'
import { latin1Text, textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

const param = fc.record({
  name: fc.constantFrom('realm', 'nonce', 'qop', 'opaque', 'algorithm', 'x', '__proto__', 'REALM'),
  value: fc.oneof(fc.constantFrom('a', 'auth', 'auth,auth-int', 'MD5', 'SHA-256', ''), latin1Text),
  isQuoted: fc.boolean(),
  around: fc.constantFrom('', ' ', '\t', '  '),
})
const challenge = fc.record({
  scheme: fc.constantFrom('Digest', 'Basic', 'bearer', 'X-1', 'negotiate'),
  params: fc.uniqueArray(param, { maxLength: 5, selector: ({ name }) => name.toLowerCase() }),
  token68: fc.option(fc.constantFrom('YII=', 'abc', 'a/b+c==')),
  before: fc.constantFrom('', ' ', ',', ', ,'),
})

/** Challenges are found in every layout, and no text of a server breaks the parser. */
export const challenges = target({
  name: 'challenges',
  inputs: fc.record({
    challenges: fc.array(challenge, { maxLength: 4 }),
    noise: textOfWords([
      'Digest ',
      'Basic',
      'realm=',
      '"',
      ',',
      'nonce="x"',
      'qop="auth"',
      '\\',
      ' = ',
    ]),
  }),
  check({ challenges, noise }) {
    const field = challenges
      .map(({ scheme, params, token68, before }) => {
        const fields = params.map(serialize).join(', ')
        const start = token68 !== null && params.length === 0 ? ` ${token68}` : ''
        return `${before}${scheme}${start}${fields && ` ${fields}`}`
      })
      .join(', ')
    assert.deepEqual(
      parseChallenges(field).map(({ scheme, params }) => [scheme, ...params]),
      challenges.map(({ scheme, params }) => [
        scheme.toLowerCase(),
        ...params.map(({ name, value }) => [name.toLowerCase(), value]),
      ]),
    )
    for (const { scheme, params } of parseChallenges(noise)) {
      assert.match(scheme, /^[!-~]+$/)
      for (const name of params.keys()) assert.match(name, /^[!-~]+$/)
    }
    parseAuthParams(noise)
    const digest = chooseChallenge([noise, field])
    if (digest !== null) {
      assert.ok(['md5', 'sha256', 'sha512-256'].includes(digest.hash))
      assert.ok(`${noise}${field}`.toLowerCase().includes('digest'))
    }
  },
})

type Param = typeof param extends fc.Arbitrary<infer Value> ? Value : never

function serialize({ name, value, isQuoted, around }: Param): string {
  const isToken = /^[!#$%&'*+\-.^_`|~\w]+$/.test(value)
  const text = isToken && !isQuoted ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`
  return `${name}${around}=${around}${text}`
}
