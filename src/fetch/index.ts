/** `hawser/fetch`: the `fetch` of WHATWG on Hawser's engine. */
import type { Fetch } from './fetcher.ts'
import { createFetch } from './fetcher.ts'
import type { Init, Input } from './init.ts'

export * from '../errors.ts'
export { createFetch, type Fetch, type FetchOptions } from './fetcher.ts'

let shared: Fetch | null = null

/**
 * WHATWG `fetch`, with connections that all callers of this one share, and that never keep the process
 * alive. For other settings, and to close them: `createFetch`.
 */
export function fetch(input: Input, init?: Init): Promise<globalThis.Response> {
  shared ??= createFetch()
  return shared(input, init)
}
