/** The public interface `hawser/fetch`: the `fetch` of the WHATWG standard, on Hawser's engine. */

import type { Init, Input } from './fetch-call.ts'
import type { Fetch } from './fetcher.ts'
import { createFetch } from './fetcher.ts'

export * from '../errors.ts'
export { createFetch, type Fetch, type FetchOptions } from './fetcher.ts'

let shared: Fetch | null = null

/**
 * Sends a request, as `fetch` of the WHATWG standard. All calls share one pool of connections,
 * which never keeps the process alive. Use `createFetch` for other settings, or to close the
 * connections.
 */
export function fetch(input: Input, init?: Init): Promise<globalThis.Response> {
  shared ??= createFetch()
  return shared(input, init)
}
