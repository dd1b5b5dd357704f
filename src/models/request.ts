import type { Duplex } from 'node:stream'
import type { Headers, HeadersInit } from './headers.ts'
import type { TimeoutInit } from './timeout.ts'

/**
 * What the engine sends as content. Iterables are read as the socket takes them, and closed when it does
 * not: once, unless one says `isReplayable: true` because each of its iterators gives the same.
 */
export type Body =
  | string
  | Uint8Array
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>

/** One request, as the engine takes it. */
export interface DispatchRequest {
  /** `http://host`, `https://host:port`: what else a URL has is refused. */
  readonly origin: string | URL
  /** The request-target: path and query, already encoded; `*` for OPTIONS; `host:port` for CONNECT. RFC 9112 3.2 */
  readonly path: string
  /** Case-sensitive; `GET` if not given. RFC 9110 9.1 */
  readonly method?: string | undefined
  /** A flat list `[name, value, name, value]` costs least. */
  readonly headers?: HeadersInit | null | undefined
  readonly body?: Body | null | undefined
  /** Fields behind the content, which is then sent in chunks; asked for when the content has ended. RFC 9110 6.5 */
  readonly trailers?: HeadersInit | (() => HeadersInit) | null | undefined
  /** Instead of the pool's, field by field. */
  readonly timeouts?: TimeoutInit
  /** Aborts the exchange, which then fails with the signal's reason. */
  readonly signal?: AbortSignal | null | undefined
  /** `onData` gets buffers that it may keep, at the cost of a copy. */
  readonly copy?: boolean | undefined
}

/** The status line and the fields of a response. */
export interface Head {
  readonly status: number
  /** The reason phrase, often empty. */
  readonly statusText: string
  /** `1.0` or `1.1` */
  readonly httpVersion: string
  readonly headers: Headers
}

/**
 * Receives one response. Exactly one of `onEnd`, `onError` and `onUpgrade` is called, once, and never
 * before `dispatch` has returned. What `onHead` or `onData` throws ends the exchange.
 */
export interface DispatchHandler {
  /** A 1xx response; the final one follows. */
  onInformational?(head: Head): void
  /** The head of the final response. */
  onHead(head: Head): void
  /**
   * A part of the body. **Borrowed**: its bytes are overwritten once this returns, unless the request
   * said `copy: true`. Never keep, transfer or write it asynchronously.
   * @returns false to pause, until `control.resume()`
   */
  onData(chunk: Uint8Array): boolean | undefined | void
  /** The response is complete, and the connection already serves others. */
  onEnd(trailers: Headers): void
  /** A `HawserError`, the signal's reason, or what `onHead` or `onData` threw. */
  onError(error: unknown): void
  /**
   * 101, or 2xx to CONNECT: the connection is the handler's. `firstBytes` came behind the head and
   * are not among what the socket gives, as for Node's own `upgrade` event.
   */
  onUpgrade?(socket: Duplex, firstBytes: Uint8Array, head: Head): void
}

/** Steers one dispatched request. After its end both do nothing. */
export interface DispatchControl {
  /** Goes on after `onData` returned false. Nothing is delivered inside this call. */
  resume(): void
  /** Closes the connection; `onError` gets `reason`, or an `AbortError`, later. */
  abort(reason?: unknown): void
}
