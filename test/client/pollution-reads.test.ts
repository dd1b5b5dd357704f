// No property is read from a polluted Object.prototype: every name of the sources, and indices.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inChild, runChild } from './child.ts'
import { startServers } from './polluted-servers.ts'
import type { readsOf } from './trapped-calls.ts'

const PROGRAM = JSON.stringify(new URL('trapped-calls.js', import.meta.url).href)

describe('51 reads of a polluted Object.prototype', () => {
  test('51 no name and no index of the sources is read from it', async (t) => {
    const servers = await startServers(t)
    const { output, errors, status } = await runChild(`
      const { readsOf } = await import(${PROGRAM})
      console.log(JSON.stringify(await readsOf(${JSON.stringify(servers)})))
    `)
    assert.equal(status, 0, errors)
    const { names, reads } = JSON.parse(output) as Awaited<ReturnType<typeof readsOf>>
    assert.ok(names > 2000, `only ${names} names`)
    assert.deepEqual(reads, [])
  })
})

describe('51 values on a polluted Object.prototype', () => {
  const values: Record<string, string> = {
    'a string': `'x'`,
    'an object': `{}`,
    'a removed waiter': `{ isRemoved: true, order: -1 }`,
    'a cookie': `{ value: 'injected' }`,
    'a backend': `{ clock: {}, connect() { throw 'evil' }, lookup() { throw 'evil' }, secure() {} }`,
  }
  for (const [name, value] of Object.entries(values)) {
    test(`51 ${name} under indices and internal names changes no call`, async (t) => {
      const { plain } = await startServers(t)
      const outcome = await inChild(callsUnderPollution, { origin: plain, value })
      assert.deepEqual(outcome, { output: '200,200,200 null', errors: '', status: 0 })
    })
  }
})

/** Sends calls on connections that the server closes, and looks for a cookie. */
async function callsUnderPollution(
  { hawser }: { readonly hawser: typeof import('../../src/index.ts') },
  { origin, value }: { readonly origin: string; readonly value: string },
): Promise<void> {
  // Node loads modules on first use, and its loader breaks under pollution.
  const first = new hawser.Client({ cookies: { a: 'b' } })
  await first.get(`${origin}/`)
  await first.close()
  const evil: unknown = new Function(`return ${value}`)()
  const names = [...Array(10).keys(), 'bun', 'deno']
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      value: evil,
      writable: true,
      configurable: true,
    })
  }
  const client = new hawser.Client({ timeout: 5000, poolLimits: { maxConnections: 1 } })
  const paths = ['/close', '/close', '/']
  const statuses = await Promise.all(
    paths.map(async (path) => (await client.get(`${origin}${path}`)).status),
  )
  const cookie = client.cookies.get('session')
  await client.close()
  for (const name of names) Reflect.deleteProperty(Object.prototype, name)
  console.log(statuses.join(), cookie)
}
