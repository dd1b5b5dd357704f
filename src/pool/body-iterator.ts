import type { OwnedBytes } from '../models/bytes.ts'
import type { ChunkQueue } from './chunk-queue.ts'
import type { ResponseBody } from './response-body.ts'

type Step = IteratorResult<OwnedBytes, undefined>

const DONE: Step = { done: true, value: undefined }

/**
 * Iterates over the chunks of a body, which belong to the caller. It behaves as an async generator,
 * which would need several promises for each chunk. Unlike that, `return()` does not wait for a
 * pending chunk.
 */
export class BodyIterator implements AsyncIterableIterator<OwnedBytes, undefined, undefined> {
  readonly #body: ResponseBody
  /** Kept from garbage collection until the iteration has ended. */
  #response: object | null
  /** Null before the first chunk is requested. */
  #chunks: ChunkQueue | null = null
  /** The promise of the chunk that has been requested and has not arrived. */
  #pending: Promise<Step> | null = null

  constructor(body: ResponseBody, response: object) {
    this.#body = body
    this.#response = response
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Step> {
    if (this.#pending !== null) {
      const next = () => this.next()
      return this.#pending.then(next, next)
    }
    try {
      const step = this.#step()
      if (step !== null) return Promise.resolve(step)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#pending = new Promise((resolve, reject) => {
      const wake = () => {
        try {
          const step = this.#step()
          if (step === null) return this.#body.onNextStep(wake)
          resolve(step)
        } catch (error) {
          reject(error)
        }
        this.#pending = null
      }
      this.#body.onNextStep(wake)
    })
    return this.#pending
  }

  return(): Promise<Step> {
    if (this.#chunks === null) this.#response = null
    this.#end()
    return Promise.resolve(DONE)
  }

  #step(): Step | null {
    if (this.#response === null) return DONE
    try {
      this.#chunks ??= this.#body.openChunks()
      const step = this.#body.nextStep(this.#chunks)
      if (step?.done) this.#end()
      return step
    } catch (error) {
      if (this.#chunks === null) this.#response = null
      this.#end()
      throw error
    }
  }

  #end(): void {
    const response = this.#response
    this.#response = null
    if (response !== null) this.#body.endIteration(response)
  }
}
