import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { NetrcAuth } from '../../src/client/auth/netrc-auth.ts'
import { EnvironmentNetrc, Netrc } from '../../src/client/netrc/netrc.ts'
import { Request } from '../../src/client/request.ts'
import { only } from '../support/at.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { runFlow } from './auth-flow.ts'
import { folder, netrcFile } from './netrc-file.ts'

const require = createRequire(import.meta.url)

describe('an invalid file', () => {
  const cases: [name: string, text: string | Uint8Array, message: string][] = [
    ['prose', 'all my secret words', 'line 1 has an unknown keyword'],
    [
      'a misspelt keyword',
      'machine h login u\nmachien b\npassword secret',
      'line 2 has an unknown keyword',
    ],
    [
      'a password with a space',
      'machine h\nlogin u\n\npassword a secret',
      'line 4 has an unknown keyword',
    ],
    ['a value without a machine', '\nlogin secret', 'line 2 has text before the first machine'],
    ['a missing host', 'machine', 'line 1 has a keyword without a value'],
    [
      'a missing password',
      'machine h\nlogin secret\npassword\n',
      'line 4 has a keyword without a value',
    ],
    ['an open quote', 'machine h\nlogin "secret\npassword p"', 'line 2 has an unterminated quote'],
    [
      'an escaped closing quote',
      'machine h password "secret\\"',
      'line 1 has an unterminated quote',
    ],
    ['a quote over two lines', 'machine h login "secret\\\n"', 'line 1 has an unterminated quote'],
    ['latin1', Buffer.from('machine h password sécret', 'latin1'), 'it is not UTF-8'],
    [
      'UTF-16',
      Buffer.from('machine h password secret', 'utf16le'),
      'line 1 has an unknown keyword',
    ],
    ['an encrypted file', '-----BEGIN PGP MESSAGE-----\n', 'line 1 has an unknown keyword'],
  ]
  for (const [name, text, message] of cases) {
    test(`${name}: the message names the line, and contains no secret`, (t) => {
      const file = netrcFile(t, text)
      assert.throws(() => Netrc.read(file), {
        name: 'TypeError',
        message: `Cannot use the netrc file ${file}: ${message}`,
      })
      assert.throws(
        () => new NetrcAuth(file),
        (error) => !inspect(error).includes('secret'),
      )
    })
  }
})

interface Environment {
  readonly home: string
  readonly warnings: string[]
}

/** Sets up an empty home directory without $NETRC, and collects the warnings. */
function emptyEnvironment(t: TestContext): Environment {
  const home = folder(t)
  const warnings: string[] = []
  const before = { ...process.env }
  t.after(() => {
    for (const name of ['HOME', 'USERPROFILE', 'NETRC']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })
  process.env.HOME = process.env.USERPROFILE = home
  delete process.env.NETRC
  t.mock.method(process, 'emitWarning', (warning: string) => void warnings.push(warning))
  return { home, warnings }
}

const entry = (login: string) => `machine h\nlogin ${login}\npassword p\n`
const basic = (login: string, password = 'p') =>
  `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`
const found = (netrc = new EnvironmentNetrc(), url = 'http://h/') =>
  netrc.authFor(new URL(url))?.authorization ?? null

describe('the file of the environment', () => {
  test('is the first existing file of $NETRC, ~/.netrc and ~/_netrc', (t) => {
    const { home, warnings } = emptyEnvironment(t)
    assert.equal(found(), null)
    writeFileSync(join(home, '_netrc'), entry('underscore'))
    assert.equal(found(), basic('underscore'))
    writeFileSync(join(home, '.netrc'), entry('dot'))
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, 'custom')
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, '.netrc', 'below-a-file')
    assert.equal(found(), basic('dot'))
    process.env.NETRC = ''
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, 'custom')
    writeFileSync(join(home, 'custom'), entry('custom'))
    assert.equal(found(), basic('custom'))
    process.env.NETRC = '~/custom'
    assert.equal(found(), basic('custom'))
    assert.deepEqual(warnings, [])
  })

  test('is the only one: a host that it does not contain is not looked up in the next', (t) => {
    const { home } = emptyEnvironment(t)
    writeFileSync(join(home, '_netrc'), entry('u'))
    writeFileSync(join(home, '.netrc'), 'machine other login x')
    assert.equal(found(), null)
  })

  test('is read once, when it is first needed', (t) => {
    const { home } = emptyEnvironment(t)
    const netrc = new EnvironmentNetrc()
    writeFileSync(join(home, '.netrc'), entry('first'))
    assert.equal(found(netrc), basic('first'))
    writeFileSync(join(home, '.netrc'), entry('second'))
    assert.equal(found(netrc), basic('first'))
    const auth = netrc.authFor(new URL('http://h/'))
    assert.equal(netrc.authFor(new URL('http://h/')), auth)
    rmSync(join(home, '.netrc'))
    const none = new EnvironmentNetrc()
    assert.equal(found(none), null)
    writeFileSync(join(home, '.netrc'), entry('third'))
    assert.equal(found(none), null)
  })

  const unusable: [name: string, make: (path: string) => void, reason: RegExp][] = [
    [
      'is invalid',
      (path) => writeFileSync(path, 'machine h login u\nsecret'),
      /line 2 has an unknown keyword/,
    ],
    ['is a directory', (path) => mkdirSync(path), /EISDIR/],
  ]
  for (const [name, make, reason] of unusable) {
    test(`that ${name} causes one warning, and the next file is not read`, (t) => {
      const { home, warnings } = emptyEnvironment(t)
      make(join(home, '.netrc'))
      writeFileSync(join(home, '_netrc'), entry('u'))
      assert.equal(found(), null)
      const netrc = new EnvironmentNetrc()
      assert.equal(found(netrc), null)
      assert.equal(found(netrc), null)
      const warning = only(warnings)
      assert.ok(warning.startsWith(`Cannot use the netrc file ${join(home, '.netrc')}: `))
      assert.match(warning, reason)
      assert.doesNotMatch(warning, /secret/)
    })
  }

  test('that is encrypted causes a warning, and starts no process', (t) => {
    const { home, warnings } = emptyEnvironment(t)
    process.env.NETRC = join(home, 'netrc.gpg')
    assert.equal(found(), null)
    assert.deepEqual(warnings, [])
    writeFileSync(process.env.NETRC, entry('u'))
    writeFileSync(join(home, '.netrc.gpg'), entry('u'))
    const child = require('node:child_process')
    for (const name of ['spawn', 'spawnSync', 'exec', 'execFile', 'execFileSync', 'execSync']) {
      t.mock.method(child, name, () => assert.fail('a process was started'))
    }
    assert.equal(found(), null)
    assert.deepEqual(warnings, [`Cannot use the netrc file ${process.env.NETRC}: it is encrypted`])
  })

  test('with a login that Basic does not allow causes one warning', (t) => {
    const { home, warnings } = emptyEnvironment(t)
    const text = 'machine h login secret:x password secret\nmachine other login u password p'
    writeFileSync(join(home, '.netrc'), text)
    const netrc = new EnvironmentNetrc()
    for (let i = 0; i < 3; i++) assert.equal(found(netrc), null)
    assert.equal(found(netrc, 'http://other/'), basic('u'))
    const reason = 'The user for Basic auth must not contain a colon'
    assert.deepEqual(warnings, [
      `Cannot use the entry for h in the netrc file ${join(home, '.netrc')}: ${reason}`,
    ])
  })

  test('22 a polluted Object.prototype adds no file and no credentials', (t) => {
    const { home } = emptyEnvironment(t)
    writeFileSync(join(home, 'evil'), 'default login evil password evil')
    const pollution = { NETRC: join(home, 'evil'), login: { value: '=evil' }, password: 'evil' }
    withPollutedPrototype(pollution, () => assert.equal(found(), null))
    writeFileSync(join(home, '.netrc'), 'machine h password p')
    withPollutedPrototype(pollution, () => assert.equal(found(), basic('')))
  })
})

describe('NetrcAuth', () => {
  const sentTo = async (auth: NetrcAuth, url: string) =>
    (await runFlow(auth, new Request('GET', url), () => [200])).sent[0]

  test('31, A6 looks up each host, only by its name', async (t) => {
    const auth = new NetrcAuth(netrcFile(t, `${entry('u')}machine ::1 login six password p`))
    const cases: [url: string, value: string | null][] = [
      ['http://h/', basic('u')],
      ['https://H:8443/', basic('u')],
      ['http://x:y@h/', basic('u')],
      ['http://[::1]:8080/', basic('six')],
      ['http://other/', null],
      ['http://h.other/', null],
      // CVE-2024-47081: the Python package requests matched the userinfo.
      ['http://h:x@evil/', null],
      ['http://h@evil/', null],
      ['http://h:@evil:80/', null],
    ]
    for (const [url, value] of cases) assert.equal(await sentTo(auth, url), value, url)
  })

  test('without an argument, uses the file of the environment', async (t) => {
    const { home } = emptyEnvironment(t)
    assert.equal(await sentTo(new NetrcAuth(), 'http://h/'), null)
    writeFileSync(join(home, '.netrc'), entry('u'))
    assert.equal(await sentTo(new NetrcAuth(), 'http://h/'), basic('u'))
  })

  test('the constructor throws for a missing file and for a value that is not a path', (t) => {
    const file = join(folder(t), 'missing')
    assert.throws(() => new NetrcAuth(file), {
      name: 'TypeError',
      message: `Cannot use the netrc file ${file}: ENOENT`,
    })
    assert.throws(() => new NetrcAuth(null as unknown as string), TypeError)
  })

  test('util.inspect and JSON.stringify show no credentials', async (t) => {
    const file = netrcFile(t, 'machine h login secret password secret')
    const auth = new NetrcAuth(file)
    await sentTo(auth, 'http://h/')
    for (const shown of [auth, Netrc.read(file)]) {
      const text = inspect(shown, { showHidden: true, getters: true, depth: 9 })
      assert.doesNotMatch(text + JSON.stringify(shown), /secret|c2VjcmV0/)
    }
  })
})
