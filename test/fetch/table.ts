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

/** Tests each case with both implementations, which must give the expected result. */
export function table(name: string, cases: readonly Case[]): void {
  describe(name, () => {
    const hawserFetch = createFetch({ trustEnv: false })
    const implementations: [name: string, fetch: AnyFetch][] = [
      ['node', globalThis.fetch],
      ['hawser', hawserFetch as AnyFetch],
    ]
    // Each suite has its own server: the files of a process share this module.
    let servers: Awaited<ReturnType<typeof startServer>>
    before(async () => {
      servers = await startServer()
    })
    after(async () => {
      servers.close()
      await hawserFetch.close()
    })
    for (const [title, run, expected] of cases) {
      for (const [implementation, fetch] of implementations) {
        test(`${title} (${implementation})`, async () => {
          assert.deepEqual(await run(fetch, servers.origin), expected)
        })
      }
    }
  })
}

/**
 * Returns the name of the error that `run` rejects with, or the reason itself if it is not an
 * error.
 */
export async function errorOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
    return 'no error'
  } catch (error) {
    return error instanceof Error ? error.name : error
  }
}
