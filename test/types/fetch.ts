// Checks the types of `hawser/fetch` by compiling.

import { ConnectionPool, Timeout } from '../../src/engine.ts'
import type { FetchInit } from '../../src/fetch/index.ts'
import { createFetch, fetch } from '../../src/fetch/index.ts'

/** Libraries declare their option `fetch` in one of these ways. */
interface LibraryOptions {
  readonly fetch?: typeof globalThis.fetch
}
type MinimalFetch = (input: string, init?: RequestInit) => Promise<Response>
type RequestFetch = (input: Request) => Promise<Response>

export const forLibraries: LibraryOptions[] = [{ fetch }, { fetch: createFetch() }]
export const minimal: MinimalFetch = fetch
export const withRequest: RequestFetch = fetch
globalThis.fetch = fetch

export const inits: FetchInit[] = [
  { timeout: 1000 },
  { timeout: { total: 1000, read: null } },
  { timeout: new Timeout(1000) },
  { timeout: null, dispatcher: new ConnectionPool() },
  { method: 'POST', body: 'text', headers: [['a', 'b']], integrity: 'sha256-AAAA' },
]

// @ts-expect-error A timeout is not a string.
export const wrongTimeout: FetchInit = { timeout: '1s' }
// @ts-expect-error An option of `createFetch`.
export const wrongOption: FetchInit = { proxies: 'http://proxy.test' }
