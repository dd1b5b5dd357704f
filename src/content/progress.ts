import type { Body } from '../models/request.ts'
import { isThenable, kindOf } from '../models/value-kind.ts'
import type { Chunk } from './content.ts'
import { Content, discardContent, isChunk, isReplayable, lengthOf, toBytes } from './content.ts'
import { Pull } from './pull.ts'

/** How far a body has come. */
export interface Progress {
  /** Bytes so far. */
  readonly bytes: number
  /** Bytes in all; null if that is not known. */
  readonly total: number | null
}

/** Larger chunks are cut, so that there is progress to tell of. */
const SLICE = 65_536

const NOTHING = new Uint8Array(0)

/**
 * The same content, which says how much of it the connection has taken: after each 64 KiB at the
 * latest, the last time when all of it is, and never for none. Each time it is sent it counts from 0.
 * What `onProgress` throws, or rejects with, fails the upload. Throws `TypeError` if it is no function.
 *
 * @param total in bytes, where the caller knows more than the content does
 */
export function withProgress(
  body: Body,
  onProgress: (progress: Progress) => void,
  total: number | null = lengthOf(body),
): Body {
  if (typeof onProgress !== 'function') {
    throw new TypeError(`onUploadProgress must be a function, not ${kindOf(onProgress)}`)
  }
  return new ProgressContent(body, onProgress, total)
}

class ProgressContent extends Content {
  readonly length: number | null
  readonly isReplayable: boolean
  readonly #body: Body
  readonly #onProgress: (progress: Progress) => void
  readonly #total: number | null

  constructor(body: Body, onProgress: (progress: Progress) => void, total: number | null) {
    super()
    this.length = lengthOf(body)
    this.isReplayable = isReplayable(body)
    this.#body = body
    this.#onProgress = onProgress
    this.#total = total
  }

  get isSpent(): boolean {
    return this.#body instanceof Content && this.#body.isSpent
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return new ProgressIterator(this.#body, this.#onProgress, this.#total)
  }

  discard(): void {
    discardContent(this.#body)
  }
}

class ProgressIterator implements AsyncIterator<Chunk> {
  /** Null for content in memory: all of it is in `#rest`. */
  readonly #pull: Pull | null
  readonly #onProgress: (progress: Progress) => void
  readonly #total: number | null
  #rest: Uint8Array
  #bytes = 0
  #reported = 0

  constructor(body: Body, onProgress: (progress: Progress) => void, total: number | null) {
    this.#rest = isChunk(body) ? toBytes(body) : NOTHING
    this.#pull = isChunk(body) ? null : new Pull(body)
    this.#onProgress = onProgress
    this.#total = total
  }

  /** Who asks for the next slice has taken the one before. */
  async next(): Promise<IteratorResult<Chunk>> {
    try {
      const reported: unknown = this.#report()
      if (isThenable(reported)) await reported
      if (this.#rest.length === 0) {
        const step = this.#pull === null ? null : await this.#pull.next()
        if (step === null || step.done) return { done: true, value: undefined }
        this.#rest = toBytes(step.value)
      }
      const value = this.#rest.subarray(0, SLICE)
      this.#rest = this.#rest.subarray(value.length)
      this.#bytes += value.length
      return { done: false, value }
    } catch (error) {
      this.#pull?.close()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Chunk>> {
    this.#rest = NOTHING
    this.#pull?.close()
    return { done: true, value: undefined }
  }

  #report(): unknown {
    if (this.#bytes === this.#reported) return
    this.#reported = this.#bytes
    return this.#onProgress({ bytes: this.#bytes, total: this.#total })
  }
}
