import type { Body } from '../models/request.ts'
import { isThenable, kindOf } from '../models/value-kind.ts'
import { ClosableIterator } from './closable-iterator.ts'
import type { Chunk } from './content.ts'
import { Content, discardContent, isInMemory, isReplayable, lengthOf, toBytes } from './content.ts'

/** The progress of a body that is sent or received. */
export interface Progress {
  /** The number of bytes so far. */
  readonly bytes: number
  /** The length of the body in bytes; null if it is not known. */
  readonly total: number | null
}

/**
 * Larger chunks are split into slices of this size in bytes, so that their progress is reported.
 */
const MAX_SLICE = 65_536

const NO_BYTES = new Uint8Array(0)

/**
 * Returns the same content, which reports how much of it the connection has accepted: at least
 * every 64 KiB, and at the end. Empty content reports nothing. Each time the content is sent,
 * counting starts at 0. If `onProgress` throws or rejects, the upload fails with that error.
 *
 * Throws `TypeError` if `onProgress` is not a function.
 *
 * @param total the length in bytes, if the caller knows it and the content does not
 */
export function withProgress(
  body: Body,
  onProgress: (progress: Progress) => void,
  total: number | null = lengthOf(body),
): Body {
  if (typeof onProgress !== 'function') {
    throw new TypeError(`onUploadProgress must be a function, not ${kindOf(onProgress)}`)
  }
  return new ProgressContent(body, (bytes) => onProgress({ bytes, total }))
}

/** Reports the number of bytes so far. Returns the result of the callback. */
type Report = (bytes: number) => unknown

class ProgressContent extends Content {
  readonly length: number | null
  readonly isReplayable: boolean
  readonly #body: Body
  readonly #report: Report

  constructor(body: Body, report: Report) {
    super()
    this.length = lengthOf(body)
    this.isReplayable = isReplayable(body)
    this.#body = body
    this.#report = report
  }

  get isConsumed(): boolean {
    return this.#body instanceof Content && this.#body.isConsumed
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return new ProgressIterator(this.#body, this.#report)
  }

  discard(reason?: unknown): void {
    discardContent(this.#body, reason)
  }
}

class ProgressIterator implements AsyncIterator<Chunk> {
  /** Null for content in memory, which is completely in `#unsent`. */
  readonly #source: ClosableIterator | null
  readonly #report: Report
  /** The unsent bytes of the current chunk. */
  #unsent: Uint8Array
  #bytes = 0
  #reportedBytes = 0

  constructor(body: Body, report: Report) {
    this.#unsent = isInMemory(body) ? toBytes(body) : NO_BYTES
    this.#source = isInMemory(body) ? null : new ClosableIterator(body)
    this.#report = report
  }

  /**
   * Reports the previous slice first: the connection requests a slice when it has accepted the
   * last.
   */
  async next(): Promise<IteratorResult<Chunk>> {
    try {
      const reported: unknown = this.#reportProgress()
      if (isThenable(reported)) await reported
      if (this.#unsent.length === 0) {
        const step = this.#source === null ? null : await this.#source.next()
        if (step === null || step.done) return { done: true, value: undefined }
        this.#unsent = toBytes(step.value)
      }
      const value = this.#unsent.subarray(0, MAX_SLICE)
      this.#unsent = this.#unsent.subarray(value.length)
      this.#bytes += value.length
      return { done: false, value }
    } catch (error) {
      this.#source?.close()
      throw error
    }
  }

  async return(reason?: unknown): Promise<IteratorResult<Chunk>> {
    this.#unsent = NO_BYTES
    this.#source?.close(reason)
    return { done: true, value: undefined }
  }

  /** Returns the result of the callback. */
  #reportProgress(): unknown {
    if (this.#bytes === this.#reportedBytes) return
    this.#reportedBytes = this.#bytes
    return this.#report(this.#bytes)
  }
}
