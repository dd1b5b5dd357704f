import type { Duplex } from 'node:stream'
import type { Clock } from '../backends/backend.ts'
import type { ExchangeOwner, OutgoingRequest, ResponseSink } from '../connection/exchange.ts'
import { Exchange } from '../connection/exchange.ts'
import type { Phase } from '../errors.ts'
import { redactUrl } from '../errors.ts'
import type { Durations, RequestStart } from '../models/events.ts'
import { phases } from '../models/events.ts'
import type { Timeout } from '../models/timeout.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { Tracing } from './tracing.ts'
import { TraceContext } from './tracing.ts'

const ORDER = Object.keys(phases) as Phase[]

let started = 0

/**
 * An exchange that somebody hears of: it looks at the clock and counts. A class of its own, so that
 * all others have nothing to ask.
 */
export class TracedExchange extends Exchange {
  readonly context: TraceContext
  readonly #clock: Clock
  readonly #start: RequestStart
  readonly #durations = new Map<Phase, number>()
  #at: Phase = 'queue'
  #since: number
  #status: number | null = null
  #bytesReceived = 0

  /** Tells its start. */
  constructor(
    request: OutgoingRequest,
    sink: ResponseSink,
    timeouts: Timeout,
    startedAt: number,
    owner: ExchangeOwner,
    tracing: Tracing,
  ) {
    super(request, sink, timeouts, startedAt, owner)
    this.context = new TraceContext(tracing)
    this.#clock = tracing.clock
    this.#since = startedAt
    const { method, origin, path } = request
    this.#start = { id: ++started, method, origin, path: redactUrl(path) }
    tracing.tell('request:start', this.#start)
  }

  override enter(phase: Phase): void {
    super.enter(phase)
    if (phase === this.#at) return
    this.#mark()
    this.#at = phase
  }

  override received(length: number): void {
    super.received(length)
    this.#bytesReceived += length
  }

  override deliverHead(head: ResponseHead, length: number): void {
    this.#status = head.status
    super.deliverHead(head, length)
  }

  override deliverUpgrade(
    openSocket: () => Duplex,
    firstBytes: Buffer,
    head: ResponseHead,
  ): boolean {
    this.#status = head.status
    return super.deliverUpgrade(openSocket, firstBytes, head)
  }

  protected override settle(error: unknown): void {
    this.#mark()
    super.settle(error)
    const info = {
      ...this.#start,
      status: this.#status,
      duration: this.#since - this.startedAt,
      durations: this.#inOrder(),
      bytesSent: this.bytesSent,
      bytesReceived: this.#bytesReceived,
      reusedConnection: this.reused,
      replayed: this.replayed,
      error,
    }
    this.context.tell('request:end', info)
  }

  /** The time since the last mark was spent in the present phase. */
  #mark(): void {
    const now = this.#clock.now()
    this.#durations.set(this.#at, (this.#durations.get(this.#at) ?? 0) + now - this.#since)
    this.#since = now
  }

  #inOrder(): Durations {
    const inOrder: { [Name in Phase]?: number } = {}
    for (const phase of ORDER) {
      const spent = this.#durations.get(phase)
      if (spent !== undefined) inOrder[phase] = spent
    }
    return inOrder
  }
}
