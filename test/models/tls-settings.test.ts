import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { TlsSettings, TlsSettingsInit } from '../../src/models/tls-settings.ts'
import { resolveTlsSettings } from '../../src/models/tls-settings.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { encrypted, temporaryDirectory } from './pem-files.ts'

const a = certificateAuthority('A')
const b = certificateAuthority('B')
const client = certificateFor(['client'], { ca: a })
const other = certificateFor(['other'], { ca: a })
const PASSPHRASE = 'correct horse'
const NO_ENV = {}

function settings(init: TlsSettingsInit): TlsSettings {
  return resolveTlsSettings({ env: NO_ENV, ...init })
}

/** Returns the trusted certificates, without line ends around them. */
function trusted({ ca }: TlsSettings): string[] {
  return String(ca)
    .split(/(?<=-----END CERTIFICATE-----)/)
    .map((pem) => pem.trim())
    .filter(Boolean)
}

/** Asserts a `TypeError` whose message contains all expected texts, and no secrets. */
function assertRefused(init: unknown, ...expected: (string | RegExp)[]): void {
  assert.throws(
    () => resolveTlsSettings({ env: NO_ENV, ...(init as TlsSettingsInit) }),
    (error) => {
      assert.ok(error instanceof TypeError)
      for (const each of expected) {
        if (typeof each === 'string') assert.ok(error.message.includes(each), error.message)
        else assert.match(error.message, each)
      }
      const shown = inspect(error, { depth: 9, showHidden: true })
      assert.ok(!shown.includes(PASSPHRASE))
      assert.ok(!shown.includes(client.key.split('\n')[1]!))
      return true
    },
  )
}

const A = a.cert.trim()
const B = b.cert.trim()

describe('verify', () => {
  test('true, and no value, use the defaults of the runtime', () => {
    for (const init of [{}, { verify: undefined, cert: null }]) {
      assert.deepEqual(Object.keys(settings(init)), [])
    }
    for (const init of [{ verify: true }, { verify: {} }]) {
      assert.deepEqual({ ...settings(init) }, { rejectUnauthorized: true })
    }
  })

  test('false', () => {
    assert.deepEqual({ ...settings({ verify: false }) }, { rejectUnauthorized: false })
  })

  test('the path of a bundle, as string or URL', (t) => {
    const { write } = temporaryDirectory(t)
    const path = write('ca.pem', `# A\n${a.cert}\n# B, with a - and a -----\n${b.cert}`)
    assert.deepEqual(trusted(settings({ verify: path })), [A, B])
    assert.deepEqual(trusted(settings({ verify: pathToFileURL(path) })), [A, B])
    assert.deepEqual(Object.keys(settings({ verify: path })), ['rejectUnauthorized', 'ca'])
  })

  test('a bundle in each of the usual layouts', (t) => {
    const { write } = temporaryDirectory(t)
    const byteOrderMark = String.fromCharCode(0xfeff)
    for (const text of [
      byteOrderMark + a.cert,
      a.cert.replaceAll('\n', '\r\n'),
      `${client.key}${a.cert}`,
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${a.cert}`,
      `${a.cert}${a.cert}`,
      `${a.cert}-----BEGIN X509 CRL-----\n`,
      a.cert.replaceAll(' CERT', ' X509 CERT'),
    ]) {
      const { ca } = settings({ verify: write('ca.pem', text) })
      assert.equal(String(ca).split('BEGIN').length, 2)
    }
  })

  test('a directory with files named by hash or extension; duplicates are removed', (t) => {
    const { path, write } = temporaryDirectory(t)
    write('b.crt', b.cert)
    symlinkSync('a.PEM', join(path, '0123abcd.0'))
    write('a.PEM', a.cert + b.cert)
    write('key.pem', client.key)
    write('der.cer', 'not PEM')
    write('0123abcd.r0', client.cert)
    write('README', client.cert)
    symlinkSync('nowhere', join(path, 'deadbeef.0'))
    mkdirSync(join(path, 'more.pem'))
    assert.deepEqual(trusted(settings({ verify: path })), [A, B])
    assert.deepEqual(trusted(settings({ verify: pathToFileURL(path) })), [A, B])
  })

  test('options of node:tls are copied, including unknown ones', () => {
    const checkServerIdentity = () => undefined
    const key = Buffer.from(client.key)
    const given = {
      ca: [a.cert],
      key,
      minVersion: 'TLSv1.3' as const,
      checkServerIdentity,
      later: 1,
    }
    const resolved = settings({ verify: given })
    assert.deepEqual({ ...resolved }, { ...given, rejectUnauthorized: true })
    given.ca.push(b.cert)
    key.fill(0)
    given.later = 2
    assert.deepEqual(resolved.ca, [a.cert])
    assert.equal(String(resolved.key), client.key)
    assert.equal((resolved as { later?: number }).later, 1)
  })

  test('only own enumerable properties of options are used', () => {
    const inherited = Object.create(Object.prototype, {
      hidden: { value: 1, enumerable: false },
      ciphers: { value: undefined, enumerable: true },
      sigalgs: { value: 'ed25519', enumerable: true },
    })
    assert.deepEqual(
      { ...settings({ verify: inherited }) },
      { sigalgs: 'ed25519', rejectUnauthorized: true },
    )
  })

  test('any other value is refused', () => {
    for (const verify of [null, 0, 1, [], [a.cert], Symbol.iterator, () => true, new Map()]) {
      assertRefused(
        { verify },
        /^verify must be a boolean, a path or an object of TLS options, not /,
      )
    }
    const others = ['lookup', 'localAddress', 'family', 'timeout', 'session']
    for (const name of ['host', 'port', 'path', 'socket', ...others]) {
      assertRefused(
        { verify: { [name]: 'x' } },
        `verify.${name} cannot be set: Hawser sets it for each connection`,
      )
    }
    assertRefused({ verify: new URL('https://a.test/ca.pem') }, 'verify "https://a.test/ca.pem"')
    assertRefused({ verfiy: false }, 'verfiy')
  })

  test('an unknown version or protocol is refused', () => {
    const invalid = ['bogus', 5, null, 'TLSv1.4']
    for (const name of ['minVersion', 'maxVersion']) {
      for (const given of invalid) {
        assertRefused({ verify: { [name]: given } }, `verify.${name} must be one of TLSv1, `)
      }
    }
    for (const ALPNProtocols of [...invalid, ['h2', 'http/1.1'], Buffer.from('\x02h2')]) {
      assertRefused(
        { verify: { ALPNProtocols } },
        'verify.ALPNProtocols must be an array with only http/1.1',
      )
    }
    const valid = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1', 'http/1.0'] } as const
    assert.deepEqual(
      { ...settings({ verify: { ...valid, ALPNProtocols: [...valid.ALPNProtocols] } }) },
      { ...valid, rejectUnauthorized: true },
    )
  })

  test('a callback that is not a function is refused', () => {
    for (const name of ['checkServerIdentity', 'keylog']) {
      for (const given of ['x', 5, null, {}]) {
        assertRefused({ verify: { [name]: given } }, `verify.${name} must be a function`)
      }
    }
  })

  test('a path as `ca` is refused', () => {
    // Node would use it as an empty list of certificates.
    for (const ca of ['/etc/ssl/ca.pem', ['/etc/ssl/ca.pem'], [a.cert, Buffer.from('x')]]) {
      assertRefused({ verify: { ca } }, 'verify.ca contains no PEM certificate')
    }
  })
})

describe('an invalid file is a TypeError with its path', () => {
  const invalid = a.cert.replace(/\n.*\n/, '\nMIIB!!!!\n')
  const truncated = a.cert.slice(0, 100)
  const cases: [name: string, content: string, expected: RegExp][] = [
    ['empty', '', /contains no PEM certificate$/],
    ['not PEM', '\x30\x82\x01', /contains no PEM certificate$/],
    ['only a key', client.key, /contains no PEM certificate$/],
    ['an invalid certificate', invalid, /: certificate 1 \(line 1\) is invalid: ERR_OSSL/],
    [
      'the third certificate is invalid',
      `${a.cert}\n${b.cert}#\n${invalid}`,
      /: certificate 3 \(line \d\d\) is invalid: /,
    ],
    ['truncated', truncated, /: certificate 1 \(line 1\) is invalid: its END/],
    [
      'truncated before another certificate',
      `${truncated}\n${b.cert}`,
      /: certificate 1 \(line 1\) is invalid: its END/,
    ],
  ]
  for (const [name, content, expected] of cases) {
    test(name, (t) => {
      const { write } = temporaryDirectory(t)
      const path = write('ca.pem', content)
      assertRefused({ verify: path }, `verify "${path}"`, expected)
      assertRefused({ env: { SSL_CERT_FILE: path } }, `SSL_CERT_FILE "${path}"`, expected)
      const both = write('both.pem', `${content}\n${client.key}`)
      assertRefused({ cert: both }, `cert "${both}"`, expected)
    })
  }

  test('the message contains the line of the certificate', (t) => {
    const { write } = temporaryDirectory(t)
    const path = write('ca.pem', `\n\n${a.cert}#\n${invalid}`)
    const line = `\n\n${a.cert}#\n`.split('\n').length
    assertRefused({ verify: path }, `certificate 2 (line ${line})`)
  })

  test('missing or unreadable', (t) => {
    const { path } = temporaryDirectory(t)
    const missing = join(path, 'missing.pem')
    assertRefused({ verify: missing }, `verify "${missing}" cannot be read (ENOENT)`)
    assertRefused({ verify: pathToFileURL(missing) }, 'missing.pem" cannot be read (ENOENT)')
    assertRefused({ verify: '' }, 'verify "" cannot be read (ENOENT)')
    assertRefused({ verify: 'a\0b' }, 'cannot be read (ERR_INVALID_ARG_VALUE)')
    assertRefused({ cert: missing }, `cert "${missing}" cannot be read (ENOENT)`)
    assertRefused({ cert: path }, `cert "${path}" cannot be read (EISDIR)`)
    for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
      assertRefused({ env: { [name]: missing } }, `${name} "${missing}" cannot be read (ENOENT)`)
    }
  })

  test('a directory without a certificate', (t) => {
    const { path, write } = temporaryDirectory(t)
    write('key.pem', client.key)
    const expected = `"${path}" contains no file with a PEM certificate`
    assertRefused({ verify: path }, `verify ${expected}`)
    assertRefused({ env: { SSL_CERT_DIR: path } }, `SSL_CERT_DIR ${expected}`)
  })

  test('a directory with an invalid certificate', (t) => {
    const { path, write } = temporaryDirectory(t)
    write('a.pem', a.cert)
    const invalidPath = write('b.pem', invalid)
    assertRefused({ verify: path }, `verify "${invalidPath}": certificate 1 (line 1) is invalid`)
  })
})

describe('SSL_CERT_FILE and SSL_CERT_DIR', () => {
  test('replace the default', (t) => {
    const { path, write } = temporaryDirectory(t)
    const env = { SSL_CERT_FILE: write('a.pem', a.cert) }
    assert.deepEqual(trusted(resolveTlsSettings({ env })), [A])
    assert.deepEqual(trusted(resolveTlsSettings({ env, verify: true })), [A])
    assert.deepEqual(trusted(resolveTlsSettings({ env: { SSL_CERT_DIR: path } })), [A])
  })

  test('are combined with other settings, unless these contain CA certificates', (t) => {
    const { write } = temporaryDirectory(t)
    const env = { SSL_CERT_FILE: write('a.pem', a.cert) }
    const path = write('b.pem', b.cert)
    assert.deepEqual(trusted(resolveTlsSettings({ env, verify: { minVersion: 'TLSv1.3' } })), [A])
    assert.deepEqual(trusted(resolveTlsSettings({ env, verify: { ca: b.cert } })), [B])
    assert.deepEqual(trusted(resolveTlsSettings({ env, verify: path })), [B])
    for (const verify of [false, { rejectUnauthorized: false }, { secureContext: {} as never }]) {
      assert.equal(resolveTlsSettings({ env, verify }).ca, undefined)
      // A file that is not needed may be missing.
      assert.equal(resolveTlsSettings({ env: { SSL_CERT_FILE: '/missing' }, verify }).ca, undefined)
    }
  })

  test('are ignored without trustEnv, or if they are empty', (t) => {
    const { write } = temporaryDirectory(t)
    const env = { SSL_CERT_FILE: write('a.pem', a.cert), SSL_CERT_DIR: '/missing' }
    assert.deepEqual(
      { ...resolveTlsSettings({ env, trustEnv: false }) },
      { rejectUnauthorized: true },
    )
    for (const empty of ['', delimiter]) {
      assert.deepEqual(
        Object.keys(resolveTlsSettings({ env: { SSL_CERT_FILE: '', SSL_CERT_DIR: empty } })),
        [],
      )
    }
  })

  test('the file takes precedence, and directories can be a list', (t) => {
    const first = temporaryDirectory(t)
    const second = temporaryDirectory(t)
    const SSL_CERT_FILE = first.write('a.pem', a.cert)
    second.write('b.pem', b.cert)
    const both = { SSL_CERT_FILE, SSL_CERT_DIR: second.path }
    assert.deepEqual(trusted(resolveTlsSettings({ env: both })), [A])
    const SSL_CERT_DIR = ['', second.path, '/missing', first.path].join(delimiter)
    assert.deepEqual(trusted(resolveTlsSettings({ env: { SSL_CERT_DIR } })), [B, A])
    const missing = ['/missing', '/missing/too'].join(delimiter)
    assertRefused({ env: { SSL_CERT_DIR: missing } }, 'SSL_CERT_DIR "/missing" cannot be read')
  })
})

describe('cert', () => {
  const chain = client.cert + a.cert

  test('one file, two files, and a passphrase', (t) => {
    const { write } = temporaryDirectory(t)
    const key = write('key.pem', client.key)
    const cert = write('cert.pem', chain)
    const both = write('both.pem', `${client.key}\n${chain}`)
    const reversed = write('reversed.pem', `${chain}${client.key}`)
    const params = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    const withParams = write('params.pem', params + client.key)
    for (const given of [
      both,
      reversed,
      pathToFileURL(both),
      [cert, key],
      [cert, withParams],
      [cert, pathToFileURL(key)],
      [both, both],
      [cert, key, undefined],
      [cert, key, null],
    ] as const) {
      const resolved = settings({ cert: given })
      assert.deepEqual(Object.keys(resolved), ['cert', 'key'])
      assert.equal(resolved.key, client.key.trim())
      assert.equal(resolved.cert, `${client.cert.trim()}\n${A}`)
    }
  })

  for (const type of ['pkcs8', 'sec1'] as const) {
    test(`an encrypted key, ${type}`, (t) => {
      const { write } = temporaryDirectory(t)
      const key = write('key.pem', encrypted(client, PASSPHRASE, type))
      const cert = write('cert.pem', client.cert)
      const both = write('both.pem', client.cert + encrypted(client, PASSPHRASE, type))
      for (const given of [
        [cert, key, PASSPHRASE],
        [both, both, PASSPHRASE],
      ] as const) {
        const resolved = settings({ cert: given })
        assert.equal(resolved.passphrase, PASSPHRASE)
        const shown = inspect([resolved, { resolved }], { depth: 9, showHidden: true })
        assert.match(shown, /<TLS settings: cert, key, passphrase>/)
        assert.ok(!shown.includes(PASSPHRASE) && !shown.includes('BEGIN'))
      }
      assertRefused({ cert: [cert, key] }, `cert "${key}"`, 'is encrypted and needs a passphrase')
      assertRefused({ cert: both }, `cert "${both}"`, 'is encrypted and needs a passphrase')
      assertRefused(
        { cert: [cert, key, `${PASSPHRASE}s`] },
        `cert "${key}": the private key cannot be decrypted with the passphrase`,
      )
      assertRefused({ cert: [cert, key, ''] }, `cert "${key}": the private key cannot be decrypted`)
    })
  }

  test('a key that is missing, invalid, or of another certificate', (t) => {
    const { write } = temporaryDirectory(t)
    const cert = write('cert.pem', client.cert)
    const key = write('key.pem', client.key)
    const wrong = write('wrong.pem', other.key)
    const invalid = write('invalid.pem', client.key.replace(/\n.*\n/, '\nAAAA\n'))
    const caFirst = write('chain.pem', a.cert + client.cert)
    assertRefused({ cert }, `cert "${cert}" contains no PEM private key`)
    assertRefused({ cert: [cert, cert] }, `cert "${cert}" contains no PEM private key`)
    assertRefused({ cert: [key, cert] }, `cert "${key}" contains no PEM certificate`)
    assertRefused({ cert: [cert, invalid] }, `cert "${invalid}": the private key is invalid`)
    assertRefused(
      { cert: [cert, wrong] },
      `cert "${wrong}": the private key does not match cert "${cert}"`,
    )
    // The first certificate must be that of the client. RFC 8446 4.4.2
    assertRefused({ cert: [caFirst, key] }, 'does not match', caFirst)
  })

  test('any other value is refused', () => {
    for (const cert of [
      true,
      5,
      {},
      [],
      ['a.pem'],
      ['a.pem', null],
      ['a.pem', 'b.pem', 5],
      ['a.pem', 'b.pem', PASSPHRASE, 'more'],
      [PASSPHRASE, 5],
    ]) {
      assertRefused({ cert }, /^cert must be a path, \[cert, key\] or \[cert, key, passphrase\]$/)
    }
  })

  test('combined with verify', (t) => {
    const { write } = temporaryDirectory(t)
    const cert = write('both.pem', client.cert + client.key)
    const ca = write('ca.pem', a.cert)
    assert.deepEqual(Object.keys(settings({ cert, verify: ca })), [
      'rejectUnauthorized',
      'ca',
      'cert',
      'key',
    ])
    assert.deepEqual(Object.keys(settings({ cert, verify: false })), [
      'rejectUnauthorized',
      'cert',
      'key',
    ])
    for (const name of ['cert', 'key', 'pfx', 'secureContext']) {
      assertRefused({ cert, verify: { [name]: 'x' } }, `cert and verify.${name} cannot be combined`)
    }
  })
})

test('22 a polluted Object.prototype changes nothing', (t) => {
  const { write } = temporaryDirectory(t)
  const both = write('both.pem', client.cert + client.key)
  const pollution = {
    verify: false,
    cert: both,
    env: { SSL_CERT_FILE: both },
    trustEnv: true,
    SSL_CERT_FILE: both,
    SSLKEYLOGFILE: `${both}.log`,
    rejectUnauthorized: false,
    ca: a.cert,
    host: 'evil.test',
    keylog: () => {},
  }
  assert.deepEqual(
    withPollutedPrototype(pollution, () => Object.keys(resolveTlsSettings({ env: NO_ENV }))),
    [],
  )
  const resolved = withPollutedPrototype(pollution, () =>
    resolveTlsSettings({ env: NO_ENV, cert: both }),
  )
  assert.deepEqual(Object.keys(resolved), ['cert', 'key'])
  withPollutedPrototype(pollution, () => assert.equal(resolved.rejectUnauthorized, undefined))
})
