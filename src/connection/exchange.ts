import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import { inspect, types } from 'node:util'
import type { Clock } from '../backends/backend.ts'
import type { ErrorFacts, Phase } from '../errors.ts'
import { redactUrl } from '../errors.ts'
import type { CloseReason } from '../models/close-reasons.ts'
import type { Headers } from '../models/headers.ts'
import type { Body, DispatchControl } from '../models/request.ts'
import type { Timeout } from '../models/timeout.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { RequestFraming } from '../protocol/request-head.ts'
import type { ResponseHead } from '../protocol/response-head.ts'

/** Receives one response inside the engine. */
export interface ResponseSink {
  /** A 1xx response other than 101. */
  onInformational(head: ResponseHead): void
  /**
   * The head of the final response. `length` is the length of the body in bytes, or NaN if it is
   * unknown. Returns the sink of the body, which also receives the end of the exchange.
   */
  onHead(head: ResponseHead, length: number, exchange: Exchange): BodySink
  /** The exchange ended with an error before there was a head. */
  onError(error: unknown): void
  /**
   * A 101 response, or 2xx to CONNECT. `openSocket` returns the connection as a stream. Returns
   * false, without a call of `openSocket`, if the caller does not accept upgrades.
   */
  onUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean
}

/** Receives the body of one response, and the end of the exchange. */
export interface BodySink {
  /**
   * Bytes of the body, from `start` to `end` in `source`. `source` is borrowed unless `target`
   * returned it. Returns false to pause.
   */
  onBody(source: Buffer, start: number, end: number): boolean
  /**
   * Returns a buffer for the next read of a body that needs no parsing, or null to use the shared
   * window. `missing` is the number of bytes that are still to come, or NaN. The buffer must not
   * have exactly this length: a read that fills it would hide bytes after the end of the body.
   */
  target(missing: number): Buffer | null
  onEnd(trailers: Headers): void
  onError(error: unknown): void
}

/** A checked request, ready to be written. */
export interface OutgoingRequest {
  readonly method: string
  readonly origin: string
  readonly path: string
  /** Follows the URL in error messages if a proxy forwards the request; otherwise ''. */
  readonly proxySuffix: string
  readonly framing: RequestFraming
  /** The head, followed by the content if it is small. A string is latin1. */
  readonly headBytes: string | Buffer
  /** The content that follows `headBytes`, or null. */
  readonly content: Exclude<Body, string> | null
  /** Returns the last chunk and the trailers. Called when all content was sent. */
  readonly lastChunk: () => string
}

/** Whether the content is bytes in memory, so that sending it runs no code of the caller. */
export function isPlainBytes(
  content: OutgoingRequest['content'],
  framing: RequestFraming,
): content is Uint8Array {
  return types.isUint8Array(content) && framing.contentLength !== null
}

/** The current holder of an exchange: a queue entry, an opening connection or a connection. */
export interface Carrier {
  /** Continues delivery after a pause. */
  resume(): void
  /** The reader has left. The rest of the body is only read to keep a connection. */
  drain(): void
  /** The exchange was settled: the carrier stops working for it. */
  release(exchange: Exchange): void
}

/** Sends the remaining upload after the exchange has ended with a complete response. */
export interface RemainingUpload {
  /** Stops sending. */
  cancel(reason: CloseReason): void
}

/** Ends an exchange early. Ended when the exchange is settled and its request was sent. */
export interface Aborter {
  /** Whether the caller has aborted the request, also if that was after the end. */
  readonly isAborted: boolean
  /** The reason of the caller. Valid if `isAborted` is true. */
  readonly reason: unknown
  end(): void
}

/** Counts the exchanges that are in progress. */
export interface ExchangeOwner {
  readonly clock: Clock
  /** Called when `awaitsReader` has changed. */
  onAwaitsReader(exchange: Exchange): void
  /**
   * Called once for each exchange, before the handler learns of the end; or when the remaining
   * upload was sent, if the response was complete before.
   */
  onSettled(exchange: Exchange): void
}

/** One request and its response, from `dispatch` until it is complete, failed or aborted. */
export class Exchange implements DispatchControl {
  request: OutgoingRequest
  readonly sink: ResponseSink
  /** Receives the body; null before the head. */
  bodySink: BodySink | null = null
  readonly timeouts: Timeout
  /** When it was dispatched, in the clock's time. */
  readonly startedAt: number
  /** Null before the exchange is started and after it was settled. */
  carrier: Carrier | null = null
  phase: Phase = 'queue'
  bytesSent = 0
  responseStarted = false
  /** Whether its connection served another request before. */
  reused = false
  /** Whether it was sent again because a reused connection turned out to be closed. */
  replayed = false
  /** The async context in which the content is read; null if that runs no code of the caller. */
  readonly callerContext: AsyncResource | null
  /** Listens to the signal, and has the timer of `total`. */
  aborter: Aborter | null = null
  settled = false
  /** Whether only its reader can continue it. It does not keep the process alive then. */
  awaitsReader = false
  /** Sends the remaining upload after the end of the exchange; null if there is none. */
  remainingUpload: RemainingUpload | null = null
  /** Called when `remainingUpload` has ended. */
  onUploadEnded: (() => void) | null = null
  /** Why the exchange, or its remaining upload, was ended early. Passed to the source. */
  failure: unknown
  /** Whether reading the content has begun, and it can be read only once. */
  contentConsumed = false
  readonly #owner: ExchangeOwner

  constructor(
    request: OutgoingRequest,
    sink: ResponseSink,
    timeouts: Timeout,
    startedAt: number,
    owner: ExchangeOwner,
  ) {
    this.request = request
    this.sink = sink
    this.timeouts = timeouts
    this.startedAt = startedAt
    this.#owner = owner
    this.callerContext =
      request.content === null || isPlainBytes(request.content, request.framing)
        ? null
        : new AsyncResource('HawserBody', { requireManualDestroy: true })
  }

  enterPhase(phase: Phase): void {
    this.phase = phase
  }

  /** Called for each read of the response. */
  onBytesReceived(_length: number): void {
    this.responseStarted = true
  }

  deliverHead(head: ResponseHead, length: number): void {
    this.bodySink = this.sink.onHead(head, length, this)
  }

  deliverUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean {
    return this.sink.onUpgrade(openSocket, firstBytes, head)
  }

  resume(): void {
    this.carrier?.resume()
  }

  drain(): void {
    this.carrier?.drain()
  }

  /**
   * Called by the carrier when the reader pauses or resumes.
   *
   * @param isAwaited whether the carrier waits for nothing but the reader
   */
  awaitReader(isAwaited: boolean): void {
    // A `total` timeout that is pending keeps the process alive.
    const awaitsReader = isAwaited && this.timeouts.total === null
    if (this.settled || awaitsReader === this.awaitsReader) return
    this.awaitsReader = awaitsReader
    this.#owner.onAwaitsReader(this)
  }

  abort(reason?: unknown): void {
    if (this.settled) return
    const error =
      reason === undefined ? new DOMException('The request was aborted', 'AbortError') : reason
    this.failure = error
    // Now, so that nothing else is delivered. The error is reported later.
    this.settle(error ?? noReason())
    this.#owner.clock.microtask(() => this.#reportError(error))
  }

  /** Settles with a complete response. The carrier has released the exchange before. */
  end(trailers: Headers): void {
    if (this.settled) return
    this.settle(null)
    try {
      const bodySink = this.bodySink as BodySink
      bodySink.onEnd(trailers)
    } catch (error) {
      this.throwUncaught(error)
    }
  }

  /** Settles with an error and reports it at once. Never call it inside `dispatch` or `resume`. */
  fail(error: unknown): void {
    if (this.settled) return
    this.failure = error
    this.settle(error ?? noReason())
    try {
      this.#reportError(error)
    } catch (thrown) {
      this.throwUncaught(thrown)
    }
  }

  #reportError(error: unknown): void {
    const receiver = this.bodySink ?? this.sink
    receiver.onError(error)
  }

  /** Settles after an upgrade: the connection belongs to the caller. */
  completeUpgrade(): void {
    this.carrier = null
    this.settle(null)
  }

  /** @param _error null if the exchange succeeded */
  protected settle(_error: unknown): void {
    this.settled = true
    if (this.remainingUpload === null) this.#release()
    const { carrier } = this
    this.carrier = null
    carrier?.release(this)
  }

  #release(): void {
    this.aborter?.end()
    this.#owner.onSettled(this)
  }

  /** Stops the remaining upload, if the exchange has ended before it was sent. */
  cancelUpload(reason: CloseReason, failure: unknown): void {
    if (this.remainingUpload === null) return
    this.failure = failure
    this.remainingUpload.cancel(reason)
  }

  /** Called when the remaining upload was sent, or will not be sent. */
  endUpload(): void {
    this.remainingUpload = null
    this.#release()
    this.onUploadEnded?.()
  }

  /** Throws an exception of `onEnd` or `onError` as an uncaught one: the handler has ended. */
  throwUncaught(error: unknown): void {
    this.#owner.clock.microtask(() => {
      throw error
    })
  }

  /** Whether the request can be sent again: its content is still available. */
  get isReplayable(): boolean {
    return !this.contentConsumed
  }

  /** Returns the method, the redacted URL and the elapsed time, for error messages. */
  describe(): string {
    const { method, proxySuffix } = this.request
    return `${method} ${this.redactedUrl()}${proxySuffix}, after ${Math.round(this.#owner.clock.now() - this.startedAt)} ms`
  }

  /** Returns the URL without userinfo and query, for error messages. */
  redactedUrl(): string {
    const { method, origin, path } = this.request
    const isUrl = method !== 'CONNECT' && path !== '*'
    return redactUrl(isUrl ? `${origin}${path}` : `${path} at ${origin}`)
  }

  /** The control that `dispatch` returns is this object, whose head contains credentials. */
  [inspect.custom](): string {
    return `<Exchange [${this.describe()}]>`
  }

  toJSON(): string {
    return `<Exchange [${this.describe()}]>`
  }

  /** Returns the properties of an error of this exchange. */
  errorFacts(cause?: unknown): ErrorFacts {
    const { method, origin, path } = this.request
    const isUnanswered = !this.responseStarted && this.isReplayable
    return {
      cause,
      request: { method, origin, path },
      phase: this.phase,
      bytesSent: this.bytesSent,
      responseStarted: this.responseStarted,
      reusedConnection: this.reused,
      safeToRetry: isUnanswered && (this.bytesSent === 0 || isIdempotent(method)),
    }
  }
}

/** Stands for the reason null or undefined where null would mean success. */
function noReason(): DOMException {
  return new DOMException('The request ended without a reason', 'AbortError')
}
