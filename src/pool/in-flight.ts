import type { Backend, Clock } from '../backends/backend.ts'
import type { Exchange, ExchangeOwner } from '../connection/exchange.ts'

/** The exchanges that are not settled. While there is one, the process stays alive. */
export class InFlight implements ExchangeOwner {
  readonly clock: Clock
  count = 0
  /** No more are admitted. */
  closed = false
  readonly #backend: Pick<Backend, 'hold' | 'release'>
  /** Where each was dispatched: taken down in tests and by NODE_DEBUG=hawser, as a stack costs 3 us. */
  readonly #keepsStacks = keepsStacks()
  /** Each with its stack. */
  readonly #open: Map<Exchange, string> | null

  /** @param isListed whether `open` is needed */
  constructor(backend: Pick<Backend, 'clock' | 'hold' | 'release'>, isListed = false) {
    this.clock = backend.clock
    this.#backend = backend
    this.#open = isListed || this.#keepsStacks ? new Map() : null
  }

  add(exchange: Exchange): void {
    if (this.count++ === 0) this.#backend.hold()
    this.#open?.set(exchange, (this.#keepsStacks && new Error('dispatched').stack) || '')
  }

  onSettled(exchange: Exchange): void {
    if (--this.count === 0) this.#backend.release()
    this.#open?.delete(exchange)
  }

  get open(): Iterable<Exchange> {
    return this.#open?.keys() ?? []
  }

  /** Where they come from, as text. */
  stacks(): string {
    return this.#keepsStacks
      ? [...(this.#open?.values() ?? [])].join('\n')
      : 'NODE_DEBUG=hawser says where'
  }
}

function keepsStacks(): boolean {
  const { NODE_DEBUG, NODE_ENV, NODE_TEST_CONTEXT } = process.env
  return (
    /\bhawser\b/i.test(NODE_DEBUG ?? '') || NODE_ENV === 'test' || NODE_TEST_CONTEXT !== undefined
  )
}
