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
import { whilePolluted } from '../support/pollution.ts'
import { runFlow } from './auth-flow.ts'
import { folder, netrcFile } from './netrc-file.ts'

const require = createRequire(import.meta.url)

describe('a file that is broken', () => {
  const cases: [name: string, text: string | Uint8Array, message: string][] = [
    ['prose', 'all my secret words', 'line 1 has a word that is no keyword'],
    [
      'a misspelt keyword',
      'machine h login u\nmachien b\npassword secret',
      'line 2 has a word that is no keyword',
    ],
    [
      'a password with a space',
      'machine h\nlogin u\n\npassword a secret',
      'line 4 has a word that is no keyword',
    ],
    ['a value without a machine', '\nlogin secret', 'line 2 has a word before the first machine'],
    ['no host', 'machine', 'line 1 has a keyword without its value'],
    [
      'no password',
      'machine h\nlogin secret\npassword\n',
      'line 4 has a keyword without its value',
    ],
    [
      'an open quote',
      'machine h\nlogin "secret\npassword p"',
      'line 2 has a quote that does not end',
    ],
    [
      'an escaped closing quote',
      'machine h password "secret\\"',
      'line 1 has a quote that does not end',
    ],
    [
      'a quote over two lines',
      'machine h login "secret\\\n"',
      'line 1 has a quote that does not end',
    ],
    ['latin1', Buffer.from('machine h password sécret', 'latin1'), 'it is not UTF-8'],
    [
      'UTF-16',
      Buffer.from('machine h password secret', 'utf16le'),
      'line 1 has a word that is no keyword',
    ],
    ['an encrypted one', '-----BEGIN PGP MESSAGE-----\n', 'line 1 has a word that is no keyword'],
  ]
  for (const [name, text, message] of cases) {
    test(`${name}: named by its line, without a secret`, (t) => {
      const file = netrcFile(t, text)
      assert.throws(() => Netrc.read(file), {
        name: 'TypeError',
        message: `The netrc file ${file} cannot be used: ${message}`,
      })
      assert.throws(
        () => new NetrcAuth(file),
        (error) => !inspect(error).includes('secret'),
      )
    })
  }
})

interface World {
  readonly home: string
  readonly warnings: string[]
}

/** An empty home folder, no $NETRC, and the warnings that are given. */
function world(t: TestContext): World {
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
  test('is $NETRC, ~/.netrc, ~/_netrc: the first that exists', (t) => {
    const { home, warnings } = world(t)
    assert.equal(found(), null)
    writeFileSync(join(home, '_netrc'), entry('underscore'))
    assert.equal(found(), basic('underscore'))
    writeFileSync(join(home, '.netrc'), entry('dot'))
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, 'mine')
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, '.netrc', 'below-a-file')
    assert.equal(found(), basic('dot'))
    process.env.NETRC = ''
    assert.equal(found(), basic('dot'))
    process.env.NETRC = join(home, 'mine')
    writeFileSync(join(home, 'mine'), entry('mine'))
    assert.equal(found(), basic('mine'))
    process.env.NETRC = '~/mine'
    assert.equal(found(), basic('mine'))
    assert.deepEqual(warnings, [])
  })

  test('is the whole truth: a host that is not in it is not looked up in the next', (t) => {
    const { home } = world(t)
    writeFileSync(join(home, '_netrc'), entry('u'))
    writeFileSync(join(home, '.netrc'), 'machine other login x')
    assert.equal(found(), null)
  })

  test('is read when first asked, and once', (t) => {
    const { home } = world(t)
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
    ['broken', (path) => writeFileSync(path, 'machine h login u\nsecret'), /line 2 has a word/],
    ['a folder', (path) => mkdirSync(path), /EISDIR/],
  ]
  for (const [name, make, reason] of unusable) {
    test(`that is ${name} warns once, gives nothing and hides the next`, (t) => {
      const { home, warnings } = world(t)
      make(join(home, '.netrc'))
      writeFileSync(join(home, '_netrc'), entry('u'))
      assert.equal(found(), null)
      const netrc = new EnvironmentNetrc()
      assert.equal(found(netrc), null)
      assert.equal(found(netrc), null)
      assert.equal(warnings.length, 1)
      assert.ok(warnings[0].startsWith(`${join(home, '.netrc')} is not used: `))
      assert.match(warnings[0], reason)
      assert.doesNotMatch(warnings[0], /secret/)
    })
  }

  test('that is encrypted warns, and starts no process', (t) => {
    const { home, warnings } = world(t)
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
    assert.deepEqual(warnings, [`${process.env.NETRC} is not used: it is encrypted`])
  })

  test('with a login that Basic cannot carry: warns once, gives nothing', (t) => {
    const { home, warnings } = world(t)
    const text = 'machine h login secret:x password secret\nmachine other login u password p'
    writeFileSync(join(home, '.netrc'), text)
    const netrc = new EnvironmentNetrc()
    for (let i = 0; i < 3; i++) assert.equal(found(netrc), null)
    assert.equal(found(netrc, 'http://other/'), basic('u'))
    const reason = 'Basic cannot carry a user with a colon in it'
    assert.deepEqual(warnings, [`${join(home, '.netrc')} is not used for h: ${reason}`])
  })

  test('22 a polluted Object.prototype names no file and gives no credentials', (t) => {
    const { home } = world(t)
    writeFileSync(join(home, 'evil'), 'default login evil password evil')
    const pollution = { NETRC: join(home, 'evil'), login: { value: '=evil' }, password: 'evil' }
    whilePolluted(pollution, () => assert.equal(found(), null))
    writeFileSync(join(home, '.netrc'), 'machine h password p')
    whilePolluted(pollution, () => assert.equal(found(), basic('')))
  })
})

describe('NetrcAuth', () => {
  const sentTo = async (auth: NetrcAuth, url: string) =>
    (await runFlow(auth, new Request('GET', url), () => [200])).sent[0]

  test('31, A6 looks each request’s host up, by its name alone', async (t) => {
    const auth = new NetrcAuth(netrcFile(t, `${entry('u')}machine ::1 login six password p`))
    const cases: [url: string, value: string | null][] = [
      ['http://h/', basic('u')],
      ['https://H:8443/', basic('u')],
      ['http://x:y@h/', basic('u')],
      ['http://[::1]:8080/', basic('six')],
      ['http://other/', null],
      ['http://h.other/', null],
      // requests CVE-2024-47081: matched on userinfo.
      ['http://h:x@evil/', null],
      ['http://h@evil/', null],
      ['http://h:@evil:80/', null],
    ]
    for (const [url, value] of cases) assert.equal(await sentTo(auth, url), value, url)
  })

  test('without a file that of the environment', async (t) => {
    const { home } = world(t)
    assert.equal(await sentTo(new NetrcAuth(), 'http://h/'), null)
    writeFileSync(join(home, '.netrc'), entry('u'))
    assert.equal(await sentTo(new NetrcAuth(), 'http://h/'), basic('u'))
  })

  test('a file that is missing, or no path, is an error at once', (t) => {
    const file = join(folder(t), 'missing')
    assert.throws(() => new NetrcAuth(file), {
      name: 'TypeError',
      message: `The netrc file ${file} cannot be used: ENOENT`,
    })
    assert.throws(() => new NetrcAuth(null as unknown as string), TypeError)
  })

  test('nothing shows what is in it', async (t) => {
    const file = netrcFile(t, 'machine h login secret password secret')
    const auth = new NetrcAuth(file)
    await sentTo(auth, 'http://h/')
    for (const shown of [auth, Netrc.read(file)]) {
      const text = inspect(shown, { showHidden: true, getters: true, depth: 9 })
      assert.doesNotMatch(text + JSON.stringify(shown), /secret|c2VjcmV0/)
    }
  })
})
