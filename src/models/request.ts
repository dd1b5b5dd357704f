import type { Duplex } from 'node:stream'
import type { Headers, HeadersInit } from './headers.ts'
import type { TimeoutInit } from './timeout.ts'

/**
 * The content of a request, as the engine sends it. Iterables are read as fast as the socket
 * accepts their chunks, and closed if the exchange ends early. Arrays and sets can be sent again.
 * Any other iterable is sent once, unless it has the property `isReplayable: true`, which promises
 * that each of its iterators yields the same.
 */
export type Body =
  | string
  | Uint8Array
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>

/** One request of the engine. */
export interface DispatchRequest {
  /** The origin, such as `https://host:port`. A URL with more than that is refused. */
  readonly origin: string | URL
  /**
   * The request-target: path and query, already encoded; `*` for OPTIONS; `host:port` for CONNECT.
   * RFC 9112 3.2
   */
  readonly path: string
  /** The method, case-sensitive. Default `GET`. RFC 9110 9.1 */
  readonly method?: string | undefined
  /** The headers. A flat list `[name, value, name, value]` is the fastest form. */
  readonly headers?: HeadersInit | null | undefined
  /** The content. Bytes are not copied: they must not change until they are sent. */
  readonly body?: Body | null | undefined
  /**
   * Fields that are sent after the content, which is then sent in chunks. A function is called when
   * the content has ended. RFC 9110 6.5
   */
  readonly trailers?: HeadersInit | (() => HeadersInit) | null | undefined
  /** Replaces the timeouts of the pool, field by field. */
  readonly timeouts?: TimeoutInit
  /**
   * Aborts the exchange, which then fails with the reason of the signal. After a complete response,
   * ends the remaining upload.
   */
  readonly signal?: AbortSignal | null | undefined
  /** Whether `onData` receives copies, which it may keep. Default false. */
  readonly copy?: boolean | undefined
}

/** The head of a response: status line and headers. */
export interface Head {
  readonly status: number
  /** The reason phrase, often empty. */
  readonly statusText: string
  /** `1.0` or `1.1`. */
  readonly httpVersion: string
  readonly headers: Headers
}

/**
 * Receives one response. Exactly one of `onEnd`, `onError` and `onUpgrade` is called, once, and
 * after `dispatch` has returned. If `onInformational`, `onHead` or `onData` throws, the exchange
 * fails with that error. What `onEnd`, `onError` or `onUpgrade` throws becomes an uncaught
 * exception, because the exchange has ended.
 */
export interface DispatchHandler {
  /** Receives the head of a 1xx response, before the final response. */
  onInformational?(head: Head): void
  /** Receives the head of the final response. */
  onHead(head: Head): void
  /**
   * Receives a part of the body.
   *
   * `chunk` is **borrowed**: its bytes are overwritten after this method returns, unless the
   * request has `copy: true`. Never keep it, transfer it or write it asynchronously.
   *
   * @returns false to pause until `control.resume()` is called
   */
  onData(chunk: Uint8Array): boolean | undefined | void
  /**
   * Called when the response is complete. The connection may already serve another request, or may
   * still be sending the content of this one.
   */
  onEnd(trailers: Headers): void
  /**
   * Called when the exchange fails.
   *
   * @param error a `HawserError`, the reason of the signal, or what a method of the handler threw
   */
  onError(error: unknown): void
  /**
   * Called after 101, or 2xx to CONNECT. The handler then owns the connection.
   *
   * @param firstBytes the bytes that were received after the head. As with the `upgrade` event of
   * Node.js, the socket does not yield them again
   */
  onUpgrade?(socket: Duplex, firstBytes: Uint8Array, head: Head): void
}

/** Controls one dispatched request. After the end of the exchange, its methods have no effect. */
export interface DispatchControl {
  /** Continues after `onData` returned false. Nothing is delivered before this call returns. */
  resume(): void
  /** Closes the connection. `onError` is called later, with `reason` or an `AbortError`. */
  abort(reason?: unknown): void
}
