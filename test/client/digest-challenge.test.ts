import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { describe, test } from 'node:test'
import { parseAuthParams, parseChallenges } from '../../src/client/auth/challenge.ts'
import { chooseChallenge } from '../../src/client/auth/digest-challenge.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

type Parsed = [scheme: string, params: Record<string, string>]

function parse(field: string): Parsed[] {
  return parseChallenges(field).map(({ scheme, params }) => [scheme, Object.fromEntries(params)])
}

describe('A3, A6 the challenges in one WWW-Authenticate field', () => {
  const cases: [field: string, ...Parsed[]][] = [
    [''],
    [' , ,, '],
    ['Basic', ['basic', {}]],
    ['Basic realm="x"', ['basic', { realm: 'x' }]],
    ['bAsIc ReAlM=x', ['basic', { realm: 'x' }]],
    ['Basic\trealm \t=\t "x" ', ['basic', { realm: 'x' }]],
    ['Digest a=1,b="2",c=3', ['digest', { a: '1', b: '2', c: '3' }]],
    [
      'Digest realm="a, b=c", nonce="x", Basic realm="y"',
      ['digest', { realm: 'a, b=c', nonce: 'x' }],
      ['basic', { realm: 'y' }],
    ],
    ['Digest realm="a \\"b\\" \\\\ \\c"', ['digest', { realm: 'a "b" \\ c' }]],
    ['Digest realm="\\\\", nonce="x"', ['digest', { realm: '\\', nonce: 'x' }]],
    ['Digest realm=""', ['digest', { realm: '' }]],
    ['Basic, Digest realm="x"', ['basic', {}], ['digest', { realm: 'x' }]],
    ['Negotiate YII/+a~b==, Digest realm="x"', ['negotiate', {}], ['digest', { realm: 'x' }]],
    ['NTLM TlRMTVNTUAAB=', ['ntlm', {}]],
    [
      ',,Digest realm="x",,nonce="y", ,Basic realm="z",',
      ['digest', { realm: 'x', nonce: 'y' }],
      ['basic', { realm: 'z' }],
    ],
    // From servers that do not quote values, or omit a comma.
    ['Digest nonce=a/b+c==, realm=x', ['digest', { nonce: 'a/b+c==', realm: 'x' }]],
    ['Digest realm="x" nonce="y"', ['digest', { realm: 'x', nonce: 'y' }]],
    // Invalid text is skipped, but not what follows it.
    ['Digest realm="a", realm="b"', ['digest', { realm: 'a' }]],
    ['Digest realm="x", (?), nonce="y"', ['digest', { realm: 'x', nonce: 'y' }]],
    ['Digest realm="x", "a, b", nonce="y"', ['digest', { realm: 'x', nonce: 'y' }]],
    ['Digest realm="x", nonce="y', ['digest', { realm: 'x' }]],
    ['Digest realm="x", nonce="y\\"', ['digest', { realm: 'x' }]],
    ['Digest nonce=, realm="x"', ['digest', { realm: 'x' }]],
    ['realm="x"'],
    ['"Digest realm=x"'],
    [
      'Digest __proto__="a", constructor=b, realm="x"',
      ['digest', { ['__proto__']: 'a', constructor: 'b', realm: 'x' }],
    ],
  ]
  for (const [field, ...expected] of cases) {
    test(JSON.stringify(field), () => assert.deepEqual(parse(field), expected))
  }
})

test('the parameters of Authentication-Info', () => {
  const params = parseAuthParams('qop=auth, (?), rspauth="a,b", nextnonce="x\\"y", cnonce')
  assert.deepEqual(
    [...params],
    [
      ['qop', 'auth'],
      ['rspauth', 'a,b'],
      ['nextnonce', 'x"y'],
    ],
  )
})

const md5 = 'Digest realm="md5", nonce="n", qop="auth"'
const sha256 = 'Digest realm="sha256", nonce="n", qop="auth", algorithm=SHA-256'
const sha512 = 'Digest realm="sha512", nonce="n", qop="auth", algorithm="sha-512-256"'
const unknown = 'Digest realm="?", nonce="n", qop="auth", algorithm=SHA3-512'

describe('A3, A6 the choice among several challenges', () => {
  const cases: [name: string, fields: string[], realm: string | null][] = [
    ['none', [], null],
    ['no Digest challenge', ['Basic realm="x"', 'Negotiate'], null],
    ['one challenge', [md5], 'md5'],
    ['the strongest in one field', [`${md5}, ${sha512}, ${sha256}`], 'sha512'],
    ['the strongest in several fields', [md5, 'Basic realm="x"', sha256], 'sha256'],
    ['a stronger but unknown algorithm is ignored', [unknown, md5], 'md5'],
    ['only unknown algorithms', [unknown], null],
    ['the first of equal strength', [md5, md5.replace('"md5"', '"other"')], 'md5'],
    ['-sess does not change the strength', [`${md5}, algorithm=MD5-sess`, sha256], 'sha256'],
    ['a challenge without nonce is ignored', ['Digest realm="x", algorithm=SHA-256', md5], 'md5'],
    ['a challenge without realm is ignored', ['Digest nonce="x", algorithm=SHA-256', md5], 'md5'],
    [
      'a challenge with an unknown qop is ignored',
      [`${sha256.replace('"auth"', '"auth-conf"')}`, md5],
      'md5',
    ],
    ['parameters of another scheme are ignored', [`Digest realm="x", Basic nonce="y"`], null],
  ]
  for (const [name, fields, realm] of cases) {
    test(name, () => assert.equal(chooseChallenge(fields)?.realm ?? null, realm))
  }

  for (const missing of ['sha512-256', 'md5']) {
    test(`a runtime without ${missing} ignores its algorithm`, (t) => {
      const { createHash } = crypto
      t.mock.method(crypto, 'createHash', (hash: string) => {
        if (hash === missing) throw new Error('Digest method not supported')
        return createHash(hash)
      })
      syncBuiltinESMExports()
      try {
        assert.equal(
          chooseChallenge([md5, sha256, sha512])?.realm,
          missing === 'md5' ? 'sha512' : 'sha256',
        )
        assert.equal(chooseChallenge([missing === 'md5' ? md5 : sha512]), null)
      } finally {
        t.mock.restoreAll()
        syncBuiltinESMExports()
      }
    })
  }
})

describe('the parameters of a Digest challenge', () => {
  const cases: [params: string, expected: object][] = [
    [
      '',
      { algorithm: null, hash: 'md5', hasSessionKey: false, qop: null, opaque: null, domain: [] },
    ],
    ['algorithm=md5', { algorithm: 'md5', hash: 'md5', hasSessionKey: false }],
    ['algorithm="MD5-sess"', { algorithm: 'MD5-sess', hash: 'md5', hasSessionKey: true }],
    ['algorithm=SHA-256-SESS', { hash: 'sha256', hasSessionKey: true }],
    ['algorithm=sha-512-256-sess', { hash: 'sha512-256', hasSessionKey: true }],
    ['qop=auth', { qop: 'auth' }],
    ['qop="auth-int"', { qop: 'auth-int' }],
    ['qop="auth-int,auth"', { qop: 'auth' }],
    ['qop="AUTH-INT , x , Auth"', { qop: 'auth' }],
    ['qop=""', { qop: null }],
    [
      'stale=TRUE, userhash="true", charset="utf-8"',
      { isStale: true, hashesUser: true, usesUtf8: true },
    ],
    ['stale=false, userhash=no', { isStale: false, hashesUser: false, usesUtf8: false }],
    ['opaque=""', { opaque: '' }],
    ['domain="/a  http://b/c"', { domain: ['/a', 'http://b/c'] }],
  ]
  for (const [params, expected] of cases) {
    test(params || 'only realm and nonce', () => {
      const challenge = chooseChallenge([`Digest realm="r", nonce="n", ${params}`])
      assert.deepEqual({ ...challenge, ...expected }, challenge)
    })
  }

  test('22 a polluted Object.prototype adds nothing', () => {
    const pollution = { realm: 'x', nonce: 'x', qop: 'auth', userhash: 'true', algorithm: 'evil' }
    withPollutedPrototype(pollution, () => {
      assert.equal(chooseChallenge(['Digest nonce="n"']), null)
      assert.equal(chooseChallenge(['Digest realm="r", nonce="n"'])?.qop, null)
    })
  })
})

describe('21 the time for a hostile field is linear in its length', () => {
  const units = [
    'a',
    ' ',
    ',',
    '=',
    '"',
    '\\',
    'a ',
    'a,',
    'a/',
    'a=',
    'a="',
    'a="",',
    'a b=c ',
    'é',
  ]
  const digest = ['Digest ', 'Digest realm="', 'Digest realm="x",nonce="y",', '-sess', '/ ']
  for (const begin of [
    '',
    'Digest realm=r,nonce=n,qop="',
    'Digest realm=r,nonce=n,domain="',
    'a b/',
  ]) {
    test(JSON.stringify(begin), () =>
      assertLinear(
        (size) => [...units, ...digest].map((unit) => begin + unit.repeat(size / unit.length)),
        chooseChallenge,
      ),
    )
  }
})
