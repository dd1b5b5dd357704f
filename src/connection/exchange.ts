import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { Clock } from '../backends/backend.ts'
import type { ErrorFacts, Phase } from '../errors.ts'
import { redactUrl } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import type { Body, DispatchControl } from '../models/request.ts'
import type { Timeout } from '../models/timeout.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { RequestFraming } from '../protocol/request-head.ts'
import type { ResponseHead } from '../protocol/response-head.ts'

/** Receives one response inside the engine. */
export interface ResponseSink {
  onInformational(head: ResponseHead): void
  /** `length` of the body in bytes, NaN when only its end will tell. @returns who takes it, and the end */
  onHead(head: ResponseHead, length: number, exchange: Exchange): BodySink
  /** The end, where there was no head. */
  onError(error: unknown): void
  /** @returns false when nobody wants it */
  onUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean
}

/** Receives one response's body: with positions instead of slices, and into buffers of its own if it likes. */
export interface BodySink {
  /** `source` is borrowed unless it came from `target`. @returns false to pause */
  onBody(source: Buffer, start: number, end: number): boolean
  /**
   * A buffer for the next read of a body that needs no parsing; null for the shared window. `missing`
   * bytes of it are to come, NaN for unknown. A buffer that could take them all should be one byte
   * longer, so that a surplus shows.
   */
  target(missing: number): Buffer | null
  onEnd(trailers: Headers): void
  onError(error: unknown): void
}

/** A request that has been checked and made ready for the wire. */
export interface OutgoingRequest {
  readonly method: string
  readonly origin: string
  readonly path: string
  /** What messages say of the proxy that forwards it; '' for none. */
  readonly via: string
  readonly framing: RequestFraming
  /** The head, with the content where it is small. Strings are latin1. */
  readonly first: string | Buffer
  /** Content that follows `first`; null when there is none. */
  readonly content: Exclude<Body, string> | null
  /** The last chunk and its trailers, once the content has ended. */
  readonly lastChunk: () => string
}

/** Whether content is bytes of a known length: none of the caller's code runs while it is sent. */
export function isPlainBytes(
  content: OutgoingRequest['content'],
  framing: RequestFraming,
): content is Uint8Array {
  return content instanceof Uint8Array && framing.contentLength !== null
}

/** Who carries an exchange at the moment. */
export interface Carrier {
  resume(): void
  /** Lets go of the exchange, which has been settled. */
  release(exchange: Exchange): void
}

/** Who keeps count of exchanges. */
export interface ExchangeOwner {
  readonly clock: Clock
  /** Once for each exchange, before its end is told. */
  onSettled(exchange: Exchange): void
}

/** One dispatched request from the call to its one end. */
export class Exchange implements DispatchControl {
  request: OutgoingRequest
  readonly sink: ResponseSink
  /** Null before the head. */
  body: BodySink | null = null
  readonly timeouts: Timeout
  readonly startedAt: number
  /** The queue, the dialling or the connection; null before and after. */
  carrier: Carrier | null = null
  phase: Phase = 'queue'
  bytesSent = 0
  responseStarted = false
  reused = false
  replayed = false
  /** The async context of the caller, where the caller's code is run outside of a promise. */
  readonly scope: AsyncResource | null
  /** What watches this exchange alone, to be ended with it: the signal's listener, the total deadline. */
  watch: { end(): void } | null = null
  settled = false
  /** Content was taken from an iterable, which gives it only once. */
  contentTaken = false
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
    this.scope =
      request.content === null || isPlainBytes(request.content, request.framing)
        ? null
        : new AsyncResource('HawserBody', { requireManualDestroy: true })
  }

  enter(phase: Phase): void {
    this.phase = phase
  }

  /** So many bytes of the response have come. */
  received(_length: number): void {
    this.responseStarted = true
  }

  deliverHead(head: ResponseHead, length: number): void {
    this.body = this.sink.onHead(head, length, this)
  }

  deliverUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean {
    return this.sink.onUpgrade(openSocket, firstBytes, head)
  }

  resume(): void {
    this.carrier?.resume()
  }

  abort(reason?: unknown): void {
    if (this.settled) return
    const error =
      reason === undefined ? new DOMException('The request was aborted', 'AbortError') : reason
    this.settle(error) // at once: nothing else is delivered
    this.#owner.clock.microtask(() => this.#failed(error))
  }

  /** The response is complete. The carrier has let go before. */
  end(trailers: Headers): void {
    if (this.settled) return
    this.settle(null)
    try {
      const body = this.body as BodySink
      body.onEnd(trailers)
    } catch (error) {
      this.rethrow(error)
    }
  }

  /** Settles with an error, never inside `dispatch` or another call of the user's: callers see to that. */
  fail(error: unknown): void {
    if (this.settled) return
    this.settle(error)
    try {
      this.#failed(error)
    } catch (thrown) {
      this.rethrow(thrown)
    }
  }

  #failed(error: unknown): void {
    const told = this.body ?? this.sink
    told.onError(error)
  }

  /** The connection has been given away. */
  upgraded(): void {
    this.carrier = null
    this.settle(null)
  }

  /** @param _error null for none */
  protected settle(_error: unknown): void {
    this.settled = true
    this.watch?.end()
    this.#owner.onSettled(this)
    const { carrier } = this
    this.carrier = null
    carrier?.release(this)
  }

  /** What the end itself threw: nobody is left to be told, and nothing may be lost in silence. */
  rethrow(error: unknown): void {
    this.#owner.clock.microtask(() => {
      throw error
    })
  }

  /** Whether the request can be sent once more: nothing of its content is gone. */
  get replayable(): boolean {
    return !this.contentTaken
  }

  /** Where it happened, for a message: method, URL without its secrets, and how long it has taken. */
  describe(): string {
    const { method, origin, path, via } = this.request
    const url = method === 'CONNECT' || path === '*' ? `${path} at ${origin}` : `${origin}${path}`
    return `${method} ${redactUrl(url)}${via}, after ${Math.round(this.#owner.clock.now() - this.startedAt)} ms`
  }

  /** What errors say of this exchange. */
  facts(cause?: unknown): ErrorFacts {
    const { method, origin, path } = this.request
    const unanswered = !this.responseStarted && this.replayable
    return {
      cause,
      request: { method, origin, path },
      phase: this.phase,
      bytesSent: this.bytesSent,
      responseStarted: this.responseStarted,
      reusedConnection: this.reused,
      safeToRetry: unanswered && (this.bytesSent === 0 || isIdempotent(method)),
    }
  }
}
