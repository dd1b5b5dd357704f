/** The public interface `hawser/fetch`: the `fetch` of the WHATWG standard, on Hawser's engine. */

import type { Init, Input } from './fetch-call.ts'
import type { Fetch } from './fetcher.ts'
import { createFetch } from './fetcher.ts'

export * from '../errors.ts'
export type { Init as FetchInit } from './fetch-call.ts'
export { createFetch, type Fetch, type FetchOptions } from './fetcher.ts'

let shared: Fetch | null = null

/**
 * Sends a request, as `fetch` of the WHATWG standard. Resolves when the head of the response has
 * been received. Rejects with a `TypeError`, or with the reason of the signal. If the exchange
 * failed, the `cause` of the `TypeError` is a `HawserError`.
 *
 * All calls share one pool of connections, which never keeps the process alive, with the default
 * timeouts of `FetchOptions`. Use `createFetch` for other settings, or to close the connections.
 */
export function fetch(input: Input, init?: Init): Promise<globalThis.Response> {
  shared ??= createFetch()
  return shared(input, init)
}
