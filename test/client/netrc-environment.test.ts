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
const mine = basic('netrc:secret')

function setEnv(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name]
    t.after(() => put(name, before))
    put(name, value)
  }
}

function put(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

function trusting(t: TestContext, options: ClientOptions = {}) {
  return openClient(t, { trustEnv: true, ...options })
}

describe('where it is', () => {
  const places: readonly [
    name: string,
    file: string | null,
    netrc: string | null,
    found: boolean,
  ][] = [
    ['~/.netrc', '.netrc', null, true],
    ['~/_netrc', '_netrc', null, true],
    ['$NETRC', 'elsewhere', 'elsewhere', true],
    ['a missing $NETRC falls through', '.netrc', 'missing', true],
    ['nowhere', null, null, false],
  ]
  for (const [name, file, netrc, found] of places) {
    test(name, async (t) => {
      const home = folder(t)
      if (file !== null) writeFileSync(join(home, file), FILE)
      setEnv(t, { HOME: home, NETRC: netrc === null ? undefined : join(home, netrc) })
      const { as, requests } = await recording(t)
      await trusting(t).get(as('a'))
      assert.equal(requests[0]?.headers.authorization, found ? mine : undefined)
    })
  }
})

describe('with $NETRC', () => {
  const cases: readonly [
    name: string,
    options: ClientOptions,
    request: object,
    want: string | undefined,
  ][] = [
    ['trusted', {}, {}, mine],
    ['trustEnv: false', { trustEnv: false }, {}, undefined],
    ['an Authorization header of the request', {}, { headers: { AUTHORIZATION: 'own' } }, 'own'],
    ['an Authorization header of the client', { headers: { authorization: 'own' } }, {}, 'own'],
    ['auth of the request', {}, { auth: ['u', 'p'] }, basic('u:p')],
    ['auth of the client', { auth: ['u', 'p'] }, {}, basic('u:p')],
    ['auth null', {}, { auth: null }, undefined],
    ['auth false', {}, { auth: false }, undefined],
    ['auth null of the client', { auth: null }, {}, undefined],
  ]
  for (const [name, options, request, want] of cases) {
    test(name, async (t) => {
      setEnv(t, { NETRC: netrcFile(t, FILE) })
      const { as, requests } = await recording(t)
      await trusting(t, options).get(as('a'), request)
      assert.equal(requests[0]?.headers.authorization, want)
    })
  }

  test("the URL's userinfo comes first", async (t) => {
    setEnv(t, { NETRC: netrcFile(t, FILE) })
    const { as, requests } = await recording(t)
    const client = trusting(t)
    await client.get(as('a').replace('//', '//u:p@'))
    await client.get(as('b'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [basic('u:p'), basic('other:secret')],
    )
  })

  test('is read once for each client, when first needed', async (t) => {
    const file = netrcFile(t, 'machine a.test login first password x')
    setEnv(t, { NETRC: file })
    const { as, requests } = await recording(t)
    const client = trusting(t)
    writeFileSync(file, FILE)
    await client.get(as('a'))
    writeFileSync(file, 'machine a.test login later password x')
    await client.get(as('a'))
    await trusting(t).get(as('a'))
    rmSync(file)
    await client.get(as('a'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [mine, mine, basic('later:x'), mine],
    )
  })

  test('is not even looked for where it is not needed', async (t) => {
    const file = netrcFile(t, 'broken')
    setEnv(t, { NETRC: file })
    const warnings: Error[] = []
    const warned = (warning: Error) => void warnings.push(warning)
    process.on('warning', warned)
    t.after(() => process.off('warning', warned))
    const { as, requests } = await recording(t)
    const client = trusting(t, { auth: ['u', 'p'] })
    await client.get(as('a'))
    assert.equal(warnings.length, 0)
    await trusting(t).get(as('a'))
    await trusting(t).get(as('a'))
    assert.equal(requests.length, 3)
    assert.deepEqual(
      warnings.map(({ message }) => message.includes(file)),
      [true],
    )
  })

  test('a broken one of NetrcAuth is an error at once', (t) => {
    assert.throws(() => new NetrcAuth(netrcFile(t, 'broken')), TypeError)
    assert.throws(() => new NetrcAuth(join(folder(t), 'missing')), TypeError)
  })

  test('NetrcAuth needs no trust, and is for each host its own', async (t) => {
    const { as, requests } = await recording(t)
    const client = openClient(t, { auth: new NetrcAuth(netrcFile(t, FILE)) })
    await client.get(as('a'))
    await client.get(as('b'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [mine, basic('other:secret')],
    )
  })
})
