import { systemClock } from '../../backends/system-clock.ts'
import { DeadlineTimer } from '../../connection/deadlines.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { readTimeout } from '../../connection/transport-errors.ts'
import type { ClosableIterator } from '../../content/closable-iterator.ts'
import { ReadError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { LocalDelivery } from './local-delivery.ts'

/** A response that an app has made, its content still to be asked for. */
export interface LocalAnswer {
  readonly head: Head
  readonly content: ClosableIterator | null
  /** The content may give strings, which are sent as UTF-8. */
  readonly allowsText?: boolean
  readonly trailers?: Headers | undefined
}

/** One request on its way through an app that answers by a promise, within the read timeout. */
export class LocalCall extends LocalDelivery {
  /** Told once, when the exchange is over; `left` if it was before the app had finished. */
  onOver: ((left: boolean) => void) | null = null
  readonly #raises: boolean
  #content: ClosableIterator | null = null
  #finished = false
  #resumed = false
  #resume: (() => void) | null = null
  /** When the app last did something, or its turn began. */
  #activeAt = systemClock.now()
  /** How many wait for the caller, not for the app. */
  #callersTurns = 0
  readonly #timer: DeadlineTimer | null

  /** @param raises whether the caller gets what the app throws, instead of a 500 */
  constructor(exchange: Exchange, raises: boolean) {
    super(exchange)
    this.#raises = raises
    this.#timer = exchange.timeouts.read === null ? null : new DeadlineTimer(systemClock, this)
    this.#arm()
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
    this.head(INTERNAL_SERVER_ERROR)
    this.#finished = true
    this.end()
  }

  async #deliver({ head, content, allowsText, trailers }: LocalAnswer): Promise<void> {
    this.#activeAt = systemClock.now()
    this.#content = content
    this.head(head)
    while (content !== null && this.wantsBody) {
      const { done, value } = await content.next()
      this.#activeAt = systemClock.now()
      if (done) {
        this.#content = null
        break
      }
      this.#resumed = false
      const chunk = allowsText && typeof value === 'string' ? Buffer.from(value) : value
      if (!this.data(chunk) && !this.#resumed && !this.exchange.settled) {
        await this.duringCallersTurn(
          new Promise<void>((resolve) => {
            this.#resume = resolve
          }),
        )
      }
    }
    this.#finished = true
    this.end(trailers)
  }

  // --- the read timeout

  /** Suspends the read timeout while the caller is awaited. */
  async duringCallersTurn<Result>(caller: Promise<Result>): Promise<Result> {
    this.#callersTurns += 1
    try {
      return await caller
    } finally {
      this.#callersTurns -= 1
      this.#activeAt = systemClock.now()
      this.#arm()
    }
  }

  onDue(): void {
    if (!this.#isLate()) return this.#arm()
    // What has arrived while the loop was busy counts.
    systemClock.afterPending(() => {
      if (this.#isLate()) this.exchange.fail(readTimeout(this.exchange))
      else this.#arm()
    })
  }

  #isLate(): boolean {
    return !this.exchange.settled && this.#callersTurns === 0 && systemClock.now() >= this.#dueAt()
  }

  #dueAt(): number {
    return this.#activeAt + (this.exchange.timeouts.read as number)
  }

  #arm(): void {
    if (this.#callersTurns > 0 || this.exchange.settled) return
    this.#timer?.armNoLaterThan(this.#dueAt())
  }

  // --- as the carrier of the exchange

  resume(): void {
    this.#resumed = true
    this.#resume?.()
  }

  release(): void {
    this.#timer?.cancel()
    this.#content?.close()
    this.resume()
    this.onOver?.(!this.#finished)
  }
}

/** What a response that was begun fails with. */
export function failedMidway(exchange: Exchange, cause: unknown): ReadError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const text = `The app failed in the middle of its response: ${why} (${exchange.describe()})`
  return new ReadError(text, exchange.errorFacts(cause))
}

const INTERNAL_SERVER_ERROR: Head = {
  status: 500,
  statusText: 'Internal Server Error',
  httpVersion: '1.1',
  headers: new Headers(['content-length', '0']),
}
