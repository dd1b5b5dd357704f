import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createFetch } from '../../src/fetch/index.ts'
import { startServer } from './server.ts'

type AnyFetch = typeof globalThis.fetch
export type Case = readonly [
  name: string,
  run: (fetch: AnyFetch, origin: string) => Promise<unknown>,
  expected: unknown,
]

const ours = createFetch({ trustEnv: false })
const implementations: [name: string, fetch: AnyFetch][] = [
  ['node', globalThis.fetch],
  ['hawser', ours as AnyFetch],
]

let servers: Awaited<ReturnType<typeof startServer>>
before(async () => {
  servers = await startServer()
})
after(async () => {
  servers.close()
  await ours.close()
})

/** Each case on both, which must do the same. */
export function table(name: string, cases: readonly Case[]): void {
  describe(name, () => {
    for (const [what, run, expected] of cases) {
      for (const [whose, fetch] of implementations) {
        test(`${what} (${whose})`, async () => {
          assert.deepEqual(await run(fetch, servers.origin), expected)
        })
      }
    }
  })
}

/** The name of what it rejects with; what has none, as it is. */
export async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
    return 'nothing'
  } catch (error) {
    return error instanceof Error ? error.name : error
  }
}
