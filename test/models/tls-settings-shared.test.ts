import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { TlsSettingsInit } from '../../src/models/tls-settings.ts'
import { resolveTlsSettings } from '../../src/models/tls-settings.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { encrypted, temporaryDirectory } from './pem-files.ts'

const a = certificateAuthority('A')
const b = certificateAuthority('B')
const client = certificateFor(['client'], { ca: a })

function settings(init: TlsSettingsInit) {
  return resolveTlsSettings({ env: {}, ...init })
}

describe('17 equal settings are the same object', () => {
  test('default settings', () => {
    assert.equal(settings({}), settings({ verify: undefined }))
    assert.equal(settings({ verify: true }), settings({ verify: {} }))
  })

  test('files with equal contents', (t) => {
    const { path, write } = temporaryDirectory(t)
    const ca = write('ca.pem', a.cert)
    const both = write('both.pem', client.cert + client.key)
    const copy = join(path, 'copy.pem')
    copyFileSync(ca, copy)
    const one = settings({ verify: ca, cert: both })
    assert.equal(settings({ verify: copy, cert: [both, both] }), one)
    const fromEnvironment = resolveTlsSettings({ env: { SSL_CERT_FILE: ca }, cert: both })
    assert.equal(resolveTlsSettings({ env: { SSL_CERT_FILE: copy }, cert: both }), fromEnvironment)
    assert.ok(Object.isFrozen(one))
  })

  test('options in any order', () => {
    const checkServerIdentity = () => undefined
    const one = settings({
      verify: { ca: [a.cert, Buffer.from(b.cert)], minVersion: 'TLSv1.3', checkServerIdentity },
    })
    const other = settings({
      verify: {
        checkServerIdentity,
        minVersion: 'TLSv1.3',
        ciphers: undefined,
        ca: [a.cert, Buffer.from(b.cert)],
      },
    })
    assert.equal(one, other)
    assert.ok(Object.isFrozen(one) && Object.isFrozen(one.ca))
  })
})

describe('33 different settings are different objects', () => {
  const pairs: [string, TlsSettingsInit['verify'], TlsSettingsInit['verify']][] = [
    ['verification', true, false],
    ['verification, as an option', { rejectUnauthorized: true }, false],
    ['a value', { minVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
    ['a name', { minVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.2' }],
    [
      'functions',
      { checkServerIdentity: () => undefined },
      { checkServerIdentity: () => undefined },
    ],
    [
      'instances of classes',
      { secureContext: new (class {})() as never },
      { secureContext: new (class {})() as never },
    ],
    ['the length of an array', { ca: [a.cert, b.cert] }, { ca: [a.cert + b.cert] }],
    ['the order of an array', { ca: [a.cert, b.cert] }, { ca: [b.cert, a.cert] }],
    ['a string and bytes', { ca: a.cert }, { ca: Buffer.from(a.cert) }],
    ['a string and an array', { ca: a.cert }, { ca: [a.cert] }],
    ['a number and a string', { sessionTimeout: 1 }, { sessionTimeout: '1' as never }],
    ['a number and a bigint', { sessionTimeout: 1 }, { sessionTimeout: 1n as never }],
    [
      'the lengths of strings',
      { later: ['a', 'stringb'] } as never,
      { later: ['astring', 'b'] } as never,
    ],
    ['null', { ciphers: null as never }, { ciphers: 'null' }],
    [
      'records in arrays',
      { key: [{ pem: 'a', passphrase: 'b' }] },
      { key: [{ pem: 'a', passphrase: 'c' }] },
    ],
  ]
  for (const [name, one, other] of pairs) {
    test(name, () => {
      const first = settings({ verify: one })
      assert.notEqual(first, settings({ verify: other }))
      assert.equal(first, settings({ verify: one }))
    })
  }

  test('passphrase, certificate and key', (t) => {
    const { write } = temporaryDirectory(t)
    const cert = write('cert.pem', client.cert)
    const key = write('key.pem', encrypted(client, 'x'))
    const plain = write('plain.pem', client.key)
    const one = settings({ cert: [cert, key, 'x'] })
    assert.equal(settings({ cert: [cert, key, 'x'] }), one)
    // The settings with the correct passphrase must not be reused for a wrong one.
    assert.throws(() => settings({ cert: [cert, key, 'y'] }), TypeError)
    assert.notEqual(settings({ cert: [cert, plain] }), one)
    assert.notEqual(settings({ cert: [cert, plain] }), settings({ cert: [cert, plain, 'x'] }))
  })

  test('a file that was changed', (t) => {
    const { write } = temporaryDirectory(t)
    const path = write('ca.pem', a.cert)
    const before = settings({ verify: path })
    write('ca.pem', b.cert)
    const after = settings({ verify: path })
    assert.notEqual(after, before)
    assert.equal(after.ca, b.cert.trim())
    assert.equal(before.ca, a.cert.trim())
    write('ca.pem', a.cert)
    assert.equal(settings({ verify: path }), before)
    write('ca.pem', 'broken')
    assert.throws(() => settings({ verify: path }), TypeError)
  })

  test('a file that was added to the directory', (t) => {
    const { path, write } = temporaryDirectory(t)
    write('a.pem', a.cert)
    const before = settings({ verify: path })
    write('b.pem', b.cert)
    assert.notEqual(settings({ verify: path }), before)
  })

  test('the key log', (t) => {
    const { path } = temporaryDirectory(t)
    const withLog = (name: string) =>
      resolveTlsSettings({ env: { SSLKEYLOGFILE: join(path, name) } })
    assert.equal(withLog('1'), withLog('1'))
    assert.notEqual(withLog('1'), withLog('2'))
    assert.notEqual(withLog('1'), settings({}))
    assert.equal(readFileSync(join(path, '2'), 'latin1'), '')
  })
})

test('settings that are no longer used are garbage-collected', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const refs = Array.from(
    { length: 50 },
    (_, i) => new WeakRef(settings({ verify: { ciphers: `${i}` } })),
  )
  const used = settings({ verify: { ciphers: '50' } })
  const alive = () => refs.filter((ref) => ref.deref() !== undefined).length
  for (let turn = 0; turn < 20 && alive() > 0; turn++) {
    await new Promise(setImmediate)
    gc()
  }
  assert.equal(alive(), 0)
  assert.equal(settings({ verify: { ciphers: '50' } }), used)
})
