import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { chooseChallenge } from '../../src/client/auth/digest-challenge.ts'
import type { DigestInput } from '../../src/client/auth/digest-response.ts'
import { digestAuthorization, hashA1 } from '../../src/client/auth/digest-response.ts'

/**
 * Returns the parameters of the Authorization field for a challenge. `given` replaces random
 * values.
 */
function authorize(
  challengeField: string,
  user: string,
  password: string,
  given: Partial<DigestInput>,
): string[] {
  const challenge = chooseChallenge([challengeField])
  assert.ok(challenge)
  const input = {
    nonce: challenge.nonce,
    count: 1,
    cnonce: '',
    method: 'GET',
    uri: '/',
    content: new Uint8Array(),
    ...given,
  }
  const a1 = hashA1(challenge, user, password, input.cnonce)
  const value = digestAuthorization(challenge, user, a1, input)
  assert.ok(value.startsWith('Digest '))
  return value.slice(7).split(', ')
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

describe('A6 RFC 7616 3.9.1', () => {
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const opaque = 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS'
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
  const cases = [
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ]
  for (const [algorithm, response] of cases) {
    test(algorithm, () => {
      const challenge = `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="${opaque}"`
      const uri = '/dir/index.html'
      assert.deepEqual(authorize(challenge, 'Mufasa', 'Circle of Life', { uri, cnonce }), [
        'username="Mufasa"',
        'realm="http-auth@example.org"',
        `uri="${uri}"`,
        `algorithm=${algorithm}`,
        `nonce="${nonce}"`,
        'nc=00000001',
        `cnonce="${cnonce}"`,
        'qop=auth',
        `response="${response}"`,
        `opaque="${opaque}"`,
      ])
    })
  }
})

// The values in the RFC are those of SHA-512 truncated to 256 bits. Erratum 4897 has those of
// SHA-512/256, which has other initial values and is what servers use.
describe('RFC 7616 3.9.2, as corrected by erratum 4897', () => {
  const nonce = '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK'
  const opaque = 'HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS'
  const cnonce = 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v'
  const challenge = `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="${nonce}", opaque="${opaque}", charset=UTF-8, userhash=true`
  const expected = [
    'username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"',
    'realm="api@example.org"',
    'uri="/doe.json"',
    'algorithm=SHA-512-256',
    `nonce="${nonce}"`,
    'nc=00000001',
    `cnonce="${cnonce}"`,
    'qop=auth',
    'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"',
    `opaque="${opaque}"`,
    'userhash=true',
  ]
  for (const form of ['NFC', 'NFD']) {
    test(`user in ${form}`, () => {
      const user = 'Jäsøn Doe'.normalize(form)
      assert.deepEqual(
        authorize(challenge, user, 'Secret, or not?', { uri: '/doe.json', cnonce }),
        expected,
      )
    })
  }
})

const nonce2617 = 'dcd98b7102dd2f0e8b11d0f600bfb0c093'

test('RFC 2617 3.5', () => {
  const challenge = `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="${nonce2617}", opaque="5ccc069c403ebaf9f0171e9517f40e41"`
  const input = { uri: '/dir/index.html', cnonce: '0a4f113b' }
  assert.deepEqual(authorize(challenge, 'Mufasa', 'Circle Of Life', input), [
    'username="Mufasa"',
    'realm="testrealm@host.com"',
    'uri="/dir/index.html"',
    `nonce="${nonce2617}"`,
    'nc=00000001',
    'cnonce="0a4f113b"',
    'qop=auth',
    'response="6629fae49393a05397450978507c4ef1"',
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  ])
})

test('RFC 2069: without qop, neither nc nor cnonce', () => {
  const challenge = `Digest realm="testrealm@host.com", nonce="${nonce2617}"`
  const input = { uri: '/dir/index.html', cnonce: 'unused' }
  // RFC 2069 2.4, as corrected by erratum 749.
  assert.deepEqual(authorize(challenge, 'Mufasa', 'CircleOfLife', input), [
    'username="Mufasa"',
    'realm="testrealm@host.com"',
    'uri="/dir/index.html"',
    `nonce="${nonce2617}"`,
    'response="1949323746fe6a43ef61f9606e7febea"',
  ])
})

test('-sess: the key depends on the nonces', () => {
  const fields = authorize('Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess', 'u', 'p', {
    cnonce: 'c',
    count: 0x1a,
  })
  const a1 = md5(`${md5('u:r:p')}:n:c`)
  assert.ok(fields.includes(`response="${md5(`${a1}:n:0000001a:c:auth:${md5('GET:/')}`)}"`))
  assert.ok(fields.includes('nc=0000001a'))
  assert.ok(fields.includes('algorithm=MD5-sess'))
})

test('-sess without qop sends its cnonce, which the server needs', () => {
  const fields = authorize('Digest realm="r", nonce="n", algorithm=MD5-sess', 'u', 'p', {
    cnonce: 'c',
  })
  const a1 = md5(`${md5('u:r:p')}:n:c`)
  assert.ok(fields.includes(`response="${md5(`${a1}:n:${md5('GET:/')}`)}"`))
  assert.ok(fields.includes('cnonce="c"'))
})

test('auth-int: the response depends on the body', () => {
  const fields = authorize('Digest realm="r", nonce="n", qop=auth-int', 'u', 'p', {
    cnonce: 'c',
    method: 'POST',
    content: Buffer.from([0, 0xff, 0x41]),
  })
  const content = createHash('md5')
    .update(Buffer.from([0, 0xff, 0x41]))
    .digest('hex')
  const a2 = md5(`POST:/:${content}`)
  assert.ok(fields.includes(`response="${md5(`${md5('u:r:p')}:n:00000001:c:auth-int:${a2}`)}"`))
  assert.ok(fields.includes('qop=auth-int'))
})

// curl and HTTPX send the octets of UTF-8, too.
describe('64 the parameter username', () => {
  const utf8 = (text: string) => Buffer.from(text).toString('latin1')
  const challenge = 'Digest realm="r", nonce="n", qop=auth'
  const cases: [user: string, more: string, field: string][] = [
    ['a "b" \\c', '', 'username="a \\"b\\" \\\\c"'],
    ['', '', 'username=""'],
    ['Jäsøn', '', `username="${utf8('Jäsøn')}"`],
    ['ä"\\', '', `username="${utf8('ä')}\\"\\\\"`],
    ['Jäsøn', ', charset=UTF-8', "username*=UTF-8''J%C3%A4s%C3%B8n"],
    ["ä'(*)!", ', charset=utf-8', "username*=UTF-8''%C3%A4%27%28%2A%29!"],
    ['Jäsøn', ', charset=latin1', `username="${utf8('Jäsøn')}"`],
    ['\u{1f600}', '', `username="${utf8('\u{1f600}')}"`],
    ['ä\r', ', charset=UTF-8', "username*=UTF-8''%C3%A4%0D"],
    ['a\u0308', ', charset=UTF-8', "username*=UTF-8''%C3%A4"],
    ['a\u0308', '', `username="${utf8('a\u0308')}"`],
    ['é', ', userhash=true', `username="${md5('é:r')}"`],
    ['user', ', userhash=true', `username="${md5('user:r')}"`],
  ]
  for (const [user, more, field] of cases) {
    test(`${JSON.stringify(user)}${more}`, () => {
      assert.equal(authorize(challenge + more, user, 'p', {})[0], field)
    })
  }
})

test('values of the server are quoted again, octet for octet', () => {
  const fields = authorize(
    'Digest realm="a\\"\\\\Ã¤", nonce="\\"", opaque="\\\\", qop=auth',
    'u',
    'p',
    {
      cnonce: 'c',
      uri: '/"',
    },
  )
  assert.ok(fields.includes('realm="a\\"\\\\Ã¤"'))
  assert.ok(fields.includes('nonce="\\""'))
  assert.ok(fields.includes('opaque="\\\\"'))
  assert.ok(fields.includes('uri="/\\""'))
  // The server sends the realm in UTF-8. Header values are decoded as latin1.
  const a1 = md5('u:a"\\ä:p')
  assert.ok(fields.includes(`response="${md5(`${a1}:":00000001:c:auth:${md5('GET:/"')}`)}"`))
})
