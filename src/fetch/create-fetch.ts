import { Fetcher } from './fetcher.ts'
import type { Init, Input } from './init.ts'
import type { FetchOptions } from './options.ts'

/** A `fetch` with connections of its own. WHATWG Fetch 5.6 */
export interface Fetch {
  /**
   * Resolves at the head of the response. Rejects with `TypeError`, whose `cause` is a `HawserError` unless
   * the call itself was wrong, or with the signal's reason.
   */
  (input: Input, init?: Init): Promise<globalThis.Response>
  /** Closes its connections at once; what is in flight fails. */
  close(): Promise<void>
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Throws `TypeError` for a bad option. */
export function createFetch(options: FetchOptions = {}): Fetch {
  const fetcher = new Fetcher(options)
  const fetch = (input: Input, init?: Init) => fetcher.fetch(input, init)
  const close = () => fetcher.close()
  return Object.assign(fetch, { close, [Symbol.asyncDispose]: close })
}
