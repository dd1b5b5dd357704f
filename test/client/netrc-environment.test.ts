import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { NetrcAuth } from '../../src/index.ts'
import { folder, netrcFile } from './netrc-file.ts'
import { openClient, recording } from './recorded.ts'

const FILE = 'machine a.test login netrc password secret\ndefault login other password secret'
const basic = (text: string) => `Basic ${btoa(text)}`
const fromFile = basic('netrc:secret')

function setEnv(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name]
    t.after(() => setVariable(name, before))
    setVariable(name, value)
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

function openTrustingClient(t: TestContext, options: ClientOptions = {}) {
  return openClient(t, { trustEnv: true, ...options })
}

describe('the location of the file', () => {
  const cases: readonly [
    name: string,
    file: string | null,
    netrc: string | null,
    found: boolean,
  ][] = [
    ['~/.netrc', '.netrc', null, true],
    ['~/_netrc', '_netrc', null, true],
    ['$NETRC', 'custom', 'custom', true],
    ['a missing $NETRC is skipped', '.netrc', 'missing', true],
    ['no file', null, null, false],
  ]
  for (const [name, file, netrc, found] of cases) {
    test(name, async (t) => {
      const home = folder(t)
      if (file !== null) writeFileSync(join(home, file), FILE)
      setEnv(t, { HOME: home, NETRC: netrc === null ? undefined : join(home, netrc) })
      const { as, requests } = await recording(t)
      await openTrustingClient(t).get(as('a'))
      assert.equal(requests[0]?.headers.authorization, found ? fromFile : undefined)
    })
  }
})

describe('with $NETRC', () => {
  const cases: readonly [
    name: string,
    options: ClientOptions,
    request: object,
    expected: string | undefined,
  ][] = [
    ['default options', {}, {}, fromFile],
    ['trustEnv: false', { trustEnv: false }, {}, undefined],
    [
      'an Authorization header of the request',
      {},
      { headers: { AUTHORIZATION: 'given' } },
      'given',
    ],
    ['an Authorization header of the client', { headers: { authorization: 'given' } }, {}, 'given'],
    ['auth of the request', {}, { auth: ['u', 'p'] }, basic('u:p')],
    ['auth of the client', { auth: ['u', 'p'] }, {}, basic('u:p')],
    ['auth null', {}, { auth: null }, undefined],
    ['auth false', {}, { auth: false }, undefined],
    ['auth null in the client', { auth: null }, {}, undefined],
  ]
  for (const [name, options, request, expected] of cases) {
    test(name, async (t) => {
      setEnv(t, { NETRC: netrcFile(t, FILE) })
      const { as, requests } = await recording(t)
      await openTrustingClient(t, options).get(as('a'), request)
      assert.equal(requests[0]?.headers.authorization, expected)
    })
  }

  test("the URL's userinfo has precedence", async (t) => {
    setEnv(t, { NETRC: netrcFile(t, FILE) })
    const { as, requests } = await recording(t)
    const client = openTrustingClient(t)
    await client.get(as('a').replace('//', '//u:p@'))
    await client.get(as('b'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [basic('u:p'), basic('other:secret')],
    )
  })

  test('the file is read once for each client, when it is first needed', async (t) => {
    const file = netrcFile(t, 'machine a.test login first password x')
    setEnv(t, { NETRC: file })
    const { as, requests } = await recording(t)
    const client = openTrustingClient(t)
    writeFileSync(file, FILE)
    await client.get(as('a'))
    writeFileSync(file, 'machine a.test login later password x')
    await client.get(as('a'))
    await openTrustingClient(t).get(as('a'))
    rmSync(file)
    await client.get(as('a'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [fromFile, fromFile, basic('later:x'), fromFile],
    )
  })

  test('the file is not read if it is not needed', async (t) => {
    const file = netrcFile(t, 'invalid')
    setEnv(t, { NETRC: file })
    const warnings: Error[] = []
    const listen = (warning: Error) => void warnings.push(warning)
    process.on('warning', listen)
    t.after(() => process.off('warning', listen))
    const { as, requests } = await recording(t)
    const client = openTrustingClient(t, { auth: ['u', 'p'] })
    await client.get(as('a'))
    assert.equal(warnings.length, 0)
    await openTrustingClient(t).get(as('a'))
    await openTrustingClient(t).get(as('a'))
    assert.equal(requests.length, 3)
    assert.deepEqual(
      warnings.map(({ message }) => message.includes(file)),
      [true],
    )
  })

  test('the constructor of NetrcAuth throws for an invalid or missing file', (t) => {
    assert.throws(() => new NetrcAuth(netrcFile(t, 'invalid')), TypeError)
    assert.throws(() => new NetrcAuth(join(folder(t), 'missing')), TypeError)
  })

  test('NetrcAuth works without trustEnv, and looks up each host', async (t) => {
    const { as, requests } = await recording(t)
    const client = openClient(t, { auth: new NetrcAuth(netrcFile(t, FILE)) })
    await client.get(as('a'))
    await client.get(as('b'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [fromFile, basic('other:secret')],
    )
  })
})
