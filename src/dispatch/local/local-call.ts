import type { Clock } from '../../backends/backend.ts'
import type { Carrier, Exchange } from '../../connection/exchange.ts'
import { ReadError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { LocalDeadline } from './local-deadline.ts'
import { LocalDelivery } from './local-delivery.ts'

/** A response that an app has made, its content still to be asked for. */
export interface LocalAnswer {
  readonly head: Head
  readonly content: ContentSource | null
  readonly trailers?: Headers | undefined
}

export interface ContentSource {
  next(): Promise<IteratorResult<Uint8Array, unknown>>
  /** No more is wanted. At once, and never throws. */
  cancel(): void
}

/** One request on its way through an app that answers by a promise. */
export class LocalCall implements Carrier {
  readonly exchange: Exchange
  readonly deadline: LocalDeadline
  /** Told once, when the exchange is over; `left` if it was before the app had finished. */
  onOver: ((left: boolean) => void) | null = null
  readonly #delivery: LocalDelivery
  readonly #raises: boolean
  #content: ContentSource | null = null
  #finished = false
  #resumed = false
  #resume: (() => void) | null = null

  /** @param raises whether the caller gets what the app throws, instead of a 500 */
  constructor(exchange: Exchange, clock: Clock, raises: boolean) {
    this.exchange = exchange
    exchange.carrier = this
    exchange.phase = 'wait'
    // From here on the app may have done what it was asked for: that is what `safeToRetry` has to know.
    exchange.bytesSent = exchange.request.first.length
    this.#raises = raises
    this.#delivery = new LocalDelivery(exchange)
    this.deadline = new LocalDeadline(exchange, clock)
  }

  /** Never rejects. */
  async run(app: (call: this) => LocalAnswer | Promise<LocalAnswer>): Promise<void> {
    let answer: LocalAnswer
    try {
      answer = await app(this)
    } catch (error) {
      return this.#appFailed(error)
    }
    try {
      await this.#deliver(answer)
    } catch (cause) {
      this.exchange.fail(failedMidway(this.exchange, cause))
    }
  }

  #appFailed(error: unknown): void {
    if (this.#raises) return this.exchange.fail(error)
    this.#delivery.head(INTERNAL_SERVER_ERROR)
    this.#finished = true
    this.#delivery.end()
  }

  async #deliver({ head, content, trailers }: LocalAnswer): Promise<void> {
    this.deadline.touch()
    this.#content = content
    this.#delivery.head(head)
    while (content !== null && this.#delivery.wantsBody) {
      const step = await content.next()
      this.deadline.touch()
      if (step.done) {
        this.#content = null
        break
      }
      this.#resumed = false
      if (!this.#delivery.data(step.value)) await this.#untilResumed()
    }
    this.#finished = true
    this.#delivery.end(trailers)
  }

  async #untilResumed(): Promise<void> {
    if (this.#resumed || this.exchange.settled) return
    this.deadline.rest()
    await new Promise<void>((resolve) => {
      this.#resume = resolve
    })
    this.deadline.go()
  }

  #cancelContent(): void {
    const content = this.#content
    this.#content = null
    content?.cancel()
  }

  // --- as the carrier of the exchange

  resume(): void {
    this.#resumed = true
    const resume = this.#resume
    this.#resume = null
    resume?.()
  }

  release(): void {
    this.deadline.end()
    this.#cancelContent()
    this.resume()
    this.onOver?.(!this.#finished)
  }
}

/** What a response that was begun fails with. */
export function failedMidway(exchange: Exchange, cause: unknown): ReadError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const text = `The app failed in the middle of its response: ${why} (${exchange.describe()})`
  return new ReadError(text, exchange.facts(cause))
}

const INTERNAL_SERVER_ERROR: Head = {
  status: 500,
  statusText: 'Internal Server Error',
  httpVersion: '1.1',
  headers: new Headers(['content-length', '0']),
}
