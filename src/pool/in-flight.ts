import type { Backend, Clock } from '../backends/backend.ts'
import type { Exchange, ExchangeOwner } from '../connection/exchange.ts'
import { environmentVariable } from '../models/environment.ts'
import { DueQueue } from './due-queue.ts'

/**
 * Counts the exchanges that are not settled or still send their request. Keeps the process alive
 * while there are any, except for those that wait only for their reader.
 */
export class InFlight implements ExchangeOwner {
  readonly clock: Clock
  /** The exchanges whose `total` timeout has passed. */
  readonly due: DueQueue
  count = 0
  /** How many of them wait only for their reader. */
  #awaitingReader = 0
  /** Whether the dispatcher was closed and admits no more requests. */
  closed = false
  readonly #backend: Pick<Backend, 'hold' | 'release'>
  /** Only in tests and with NODE_DEBUG=hawser, because a stack costs 3 us. */
  readonly #recordsStacks = shouldRecordStacks()
  /** The exchanges, each with the stack of its `dispatch`; null if neither is needed. */
  readonly #exchanges: Map<Exchange, string> | null

  /** @param keepsList whether `exchanges` is used */
  constructor(backend: Pick<Backend, 'clock' | 'hold' | 'release'>, keepsList = false) {
    this.clock = backend.clock
    this.due = new DueQueue(backend.clock)
    this.#backend = backend
    this.#exchanges = keepsList || this.#recordsStacks ? new Map() : null
  }

  add(exchange: Exchange): void {
    if (this.count++ === this.#awaitingReader) this.#backend.hold()
    this.#exchanges?.set(exchange, (this.#recordsStacks && new Error('dispatched').stack) || '')
  }

  onSettled(exchange: Exchange): void {
    this.count--
    if (exchange.awaitsReader) this.#awaitingReader--
    else if (this.count === this.#awaitingReader) this.#backend.release()
    this.#exchanges?.delete(exchange)
  }

  onAwaitsReader({ awaitsReader }: Exchange): void {
    if (!awaitsReader) {
      if (this.count === this.#awaitingReader--) this.#backend.hold()
    } else if (++this.#awaitingReader === this.count) {
      this.#backend.release()
    }
  }

  get exchanges(): Iterable<Exchange> {
    return this.#exchanges?.keys() ?? []
  }

  /** Returns the stacks of the `dispatch` calls as text. */
  stacks(): string {
    return this.#recordsStacks
      ? [...(this.#exchanges?.values() ?? [])].join('\n')
      : 'Set NODE_DEBUG=hawser to see where the requests were dispatched'
  }
}

function shouldRecordStacks(): boolean {
  return (
    /\bhawser\b/i.test(environmentVariable('NODE_DEBUG') ?? '') ||
    environmentVariable('NODE_ENV') === 'test' ||
    environmentVariable('NODE_TEST_CONTEXT') !== undefined
  )
}
