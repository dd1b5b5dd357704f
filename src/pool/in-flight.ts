import type { Backend, Clock } from '../backends/backend.ts'
import type { Exchange, ExchangeOwner } from '../connection/exchange.ts'

/** What of a backend keeps the process alive and tells the time. */
type Holder = Pick<Backend, 'clock' | 'hold' | 'release'>

/** The exchanges that are not settled. While there is one, the process stays alive. */
export class InFlight implements ExchangeOwner {
  readonly clock: Clock
  count = 0
  /** No more are admitted. */
  closed = false
  readonly #backend: Holder
  /** Where each was dispatched: taken down in tests and by NODE_DEBUG=hawser, as a stack costs 3 us. */
  readonly #stacks: Map<Exchange, string> | null = keepsStacks() ? new Map() : null

  constructor(backend: Holder) {
    this.clock = backend.clock
    this.#backend = backend
  }

  add(exchange: Exchange): void {
    if (this.count++ === 0) this.#backend.hold()
    this.#stacks?.set(exchange, new Error('dispatched').stack ?? '')
  }

  onSettled(exchange: Exchange): void {
    if (--this.count === 0) this.#backend.release()
    this.#stacks?.delete(exchange)
  }

  /** Where they come from, as text. */
  stacks(): string {
    return this.#stacks === null
      ? 'NODE_DEBUG=hawser says where'
      : [...this.#stacks.values()].join('\n')
  }
}

function keepsStacks(): boolean {
  const { NODE_DEBUG, NODE_ENV, NODE_TEST_CONTEXT } = process.env
  return (
    /\bhawser\b/i.test(NODE_DEBUG ?? '') || NODE_ENV === 'test' || NODE_TEST_CONTEXT !== undefined
  )
}
