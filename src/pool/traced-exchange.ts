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

let lastId = 0

/**
 * An exchange that measures its phases and publishes events. It is a subclass, so that an exchange
 * without listeners does not even check for them.
 */
export class TracedExchange extends Exchange {
  readonly context: TraceContext
  readonly #clock: Clock
  readonly #start: RequestStart
  readonly #durations = new Map<Phase, number>()
  #timedPhase: Phase = 'queue'
  /** When the phase started, in the clock's time. */
  #phaseStart: number
  #status: number | null = null
  #bytesReceived = 0

  /** Publishes `request:start`. */
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
    this.#phaseStart = startedAt
    const { method, origin, path } = request
    this.#start = { id: ++lastId, method, origin, path: redactUrl(path) }
    tracing.publish('request:start', this.#start)
  }

  override enterPhase(phase: Phase): void {
    super.enterPhase(phase)
    if (phase === this.#timedPhase) return
    this.#recordPhase()
    this.#timedPhase = phase
  }

  override onBytesReceived(length: number): void {
    super.onBytesReceived(length)
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
    this.#recordPhase()
    super.settle(error)
    const info = {
      ...this.#start,
      status: this.#status,
      duration: this.#phaseStart - this.startedAt,
      durations: this.#orderedDurations(),
      bytesSent: this.bytesSent,
      bytesReceived: this.#bytesReceived,
      reusedConnection: this.reused,
      replayed: this.replayed,
      error,
    }
    this.context.publish('request:end', info)
  }

  /** Adds the time since the last call to the current phase. */
  #recordPhase(): void {
    const now = this.#clock.now()
    this.#durations.set(
      this.#timedPhase,
      (this.#durations.get(this.#timedPhase) ?? 0) + now - this.#phaseStart,
    )
    this.#phaseStart = now
  }

  #orderedDurations(): Durations {
    const inOrder: { [Name in Phase]?: number } = {}
    for (const phase of ORDER) {
      const spent = this.#durations.get(phase)
      if (spent !== undefined) inOrder[phase] = spent
    }
    return inOrder
  }
}
