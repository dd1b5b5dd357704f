import { systemClock } from '../../backends/system-clock.ts'
import { DeadlineTimer } from '../../connection/deadlines.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { readTimeout } from '../../connection/transport-errors.ts'
import type { ClosableIterator } from '../../content/closable-iterator.ts'
import { ReadError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { asError } from '../../models/value-kind.ts'
import { InProcessCarrier } from './in-process-carrier.ts'

/** A response of an app or a mock. Its content is read as the caller consumes it. */
export interface InProcessResponse {
  readonly head: Head
  readonly content: ClosableIterator | null
  /** Whether the content may contain strings, which are delivered as UTF-8. */
  readonly allowsText: boolean
  readonly trailers: Headers | undefined
}

/** One request to an app that answers with a promise. Applies the read timeout. */
export class InProcessCall extends InProcessCarrier {
  /** Called once when the exchange has ended; `early` if it ended before the app had finished. */
  onSettled: ((early: boolean) => void) | null = null
  readonly #raiseAppExceptions: boolean
  #content: ClosableIterator | null = null
  #appFinished = false
  #resumeDelivery: (() => void) | null = null
  /** When the app last made progress, or when waiting for the app began. */
  #lastActivity = systemClock.now()
  /** Whether delivery is paused: a slow reader is not a slow app. */
  #isPaused = false
  /** Whether the app waits for the next chunk of the request content. */
  #isReadingSource = false
  readonly #timer: DeadlineTimer | null

  /** @param raiseAppExceptions whether an error of the app fails the exchange or becomes a 500 */
  constructor(exchange: Exchange, raiseAppExceptions: boolean) {
    super(exchange)
    this.#raiseAppExceptions = raiseAppExceptions
    this.#timer = exchange.timeouts.read === null ? null : new DeadlineTimer(systemClock, this)
    this.#arm()
  }

  /** Calls the app and delivers its response. Never rejects: errors fail the exchange. */
  async run(app: (call: this) => InProcessResponse | Promise<InProcessResponse>): Promise<void> {
    let response: InProcessResponse
    try {
      response = await app(this)
    } catch (error) {
      return this.#appFailed(error)
    }
    try {
      await this.#deliver(response)
    } catch (cause) {
      this.exchange.fail(responseFailed(this.exchange, cause))
    }
  }

  #appFailed(error: unknown): void {
    if (this.#raiseAppExceptions) return this.exchange.fail(error)
    this.head(INTERNAL_SERVER_ERROR)
    this.#appFinished = true
    this.end()
  }

  async #deliver({ head, content, allowsText, trailers }: InProcessResponse): Promise<void> {
    this.#lastActivity = systemClock.now()
    this.#content = content
    this.head(head)
    while (content !== null && this.wantsBody) {
      const { done, value } = await content.next()
      this.#lastActivity = systemClock.now()
      if (done) {
        this.#content = null
        break
      }
      const chunk = allowsText && typeof value === 'string' ? Buffer.from(value) : value
      if (!this.data(chunk) && !this.exchange.settled) await this.#whilePaused()
    }
    this.#appFinished = true
    this.end(trailers)
  }

  // --- Read timeout

  /** Waits until the reader resumes. Suspends the read timeout meanwhile. */
  async #whilePaused(): Promise<void> {
    this.#isPaused = true
    await new Promise<void>((resolve) => {
      this.#resumeDelivery = resolve
    })
    this.#isPaused = false
    this.#onActivity()
  }

  /** Waits for a chunk of the request content, which restarts the read timeout. */
  async whileReadingSource<Chunk>(chunk: Promise<Chunk>): Promise<Chunk> {
    this.#isReadingSource = true
    try {
      return await chunk
    } finally {
      this.#isReadingSource = false
      this.#onActivity()
    }
  }

  #onActivity(): void {
    this.#lastActivity = systemClock.now()
    this.#arm()
  }

  onDue(): void {
    if (!this.#isLate()) return this.#arm()
    // The app's answer may be pending already, if the event loop was blocked.
    systemClock.afterPending(() => {
      if (this.#isLate()) this.exchange.fail(readTimeout(this.exchange, this.#isReadingSource))
      else this.#arm()
    })
  }

  #isLate(): boolean {
    return !this.exchange.settled && !this.#isPaused && systemClock.now() >= this.#dueAt()
  }

  #dueAt(): number {
    return this.#lastActivity + (this.exchange.timeouts.read as number)
  }

  #arm(): void {
    if (this.#isPaused || this.exchange.settled) return
    this.#timer?.armNoLaterThan(this.#dueAt())
  }

  // --- Carrier

  override resume(): void {
    super.resume()
    this.#resumeDelivery?.()
  }

  release(): void {
    this.#timer?.cancel()
    this.#content?.close()
    this.resume()
    this.onSettled?.(!this.#appFinished)
  }
}

/** The error for an app that fails after its response has begun. */
export function responseFailed(exchange: Exchange, cause: unknown): ReadError {
  const { message } = asError(cause)
  const text = `The app failed after its response had begun: ${message} (${exchange.describe()})`
  return new ReadError(text, exchange.errorFacts(cause))
}

/** The response in place of an error of the app, unless `raiseAppExceptions` is true. */
export const INTERNAL_SERVER_ERROR: Head = {
  status: 500,
  statusText: 'Internal Server Error',
  httpVersion: '1.1',
  headers: new Headers(['content-length', '0']),
}
