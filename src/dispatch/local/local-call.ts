import type { Exchange } from '../../connection/exchange.ts'
import type { Pull } from '../../content/pull.ts'
import { ReadError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { LocalDeadline } from './local-deadline.ts'
import { LocalDelivery } from './local-delivery.ts'

/** A response that an app has made, its content still to be asked for. */
export interface LocalAnswer {
  readonly head: Head
  readonly content: Pull | null
  /** The content may give strings, which are sent as UTF-8. */
  readonly allowsText?: boolean
  readonly trailers?: Headers | undefined
}

/** One request on its way through an app that answers by a promise. */
export class LocalCall extends LocalDelivery {
  readonly deadline: LocalDeadline
  /** Told once, when the exchange is over; `left` if it was before the app had finished. */
  onOver: ((left: boolean) => void) | null = null
  readonly #raises: boolean
  #content: Pull | null = null
  #finished = false
  #resumed = false
  #resume: (() => void) | null = null

  /** @param raises whether the caller gets what the app throws, instead of a 500 */
  constructor(exchange: Exchange, raises: boolean) {
    super(exchange)
    this.#raises = raises
    this.deadline = new LocalDeadline(exchange)
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
    this.deadline.touch()
    this.#content = content
    this.head(head)
    while (content !== null && this.wantsBody) {
      const step = await content.next()
      this.deadline.touch()
      if (step.done) {
        this.#content = null
        break
      }
      this.#resumed = false
      const chunk =
        allowsText && typeof step.value === 'string' ? Buffer.from(step.value) : step.value
      if (!this.data(chunk as Uint8Array)) await this.#untilResumed()
    }
    this.#finished = true
    this.end(trailers)
  }

  async #untilResumed(): Promise<void> {
    if (this.#resumed || this.exchange.settled) return
    this.deadline.rest()
    await new Promise<void>((resolve) => {
      this.#resume = resolve
    })
    this.deadline.go()
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
    this.#content?.close()
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
