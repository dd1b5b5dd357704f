import type { ErrorFacts } from '../../errors.ts'
import { DecodingError, ResponseTooLarge } from '../../errors.ts'
import type { OwnedBytes } from '../../models/bytes.ts'
import type { Coding } from './codings.ts'

/** How many bytes a decoder is given at a time. */
const SLICE_SIZE = 65_536
/** The limits of each coding of a response for which the caller has set no limit. */
const DEFAULT_LIMIT = { bytes: 256 << 20, perByteReceived: 1100 } as const
/** How many bytes of its content a coding may process in succession without producing output. */
const MAX_IDLE_BYTES = 1 << 20

/** Decides whether decoding may continue. */
export interface DecodingGuard {
  /**
   * Called between two slices of work. Throws if decoding must end. Returns a promise if the event
   * loop must have a turn before decoding continues; otherwise null.
   */
  beforeSlice(): Promise<void> | null
}

const NO_GUARD: DecodingGuard = { beforeSlice: () => null }

/** The limits of the work that decoding one response may cause. */
export class WorkLimits {
  readonly #max: number
  readonly #guard: DecodingGuard
  readonly #facts: ErrorFacts | undefined
  #received = 0

  /** @param max how many bytes the decoded content may have; `Infinity` for the default limits */
  constructor(max: number, guard: DecodingGuard = NO_GUARD, facts?: ErrorFacts) {
    this.#max = max
    this.#guard = guard
    this.#facts = facts
  }

  /**
   * Decodes one of the codings within the limits.
   *
   * @param source the coded content
   * @param place the first coding gets the content as received; the result of the last one is the
   *   decoded content
   */
  async *decode(
    source: AsyncIterable<Uint8Array>,
    coding: Coding,
    place: { readonly isFirst: boolean; readonly isLast: boolean },
  ): AsyncGenerator<OwnedBytes, void, undefined> {
    const toError = (cause: unknown) =>
      new DecodingError(
        `Could not decode the ${coding.name} content of the response: ${(cause as Error).message}`,
        { ...this.#facts, cause },
      )
    let produced = 0
    /** How many bytes were processed since the last output. */
    let idle = 0
    const onSlice = (length: number) => {
      idle += length
      if (idle > MAX_IDLE_BYTES) {
        throw toError(
          new Error(`more than ${MAX_IDLE_BYTES} bytes in succession decode to nothing`),
        )
      }
    }
    const slices = this.#slices(source, place.isFirst, onSlice)
    for await (const chunk of coding.decode(slices, toError)) {
      idle = 0
      produced += chunk.length
      this.#checkProduced(produced, coding.name, place.isLast)
      const turn = this.#guard.beforeSlice()
      if (turn !== null) await turn
      yield chunk
    }
  }

  async *#slices(
    source: AsyncIterable<Uint8Array>,
    isReceived: boolean,
    onSlice: (length: number) => void,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      if (isReceived) this.#received += chunk.length
      for (let start = 0; start < chunk.length; start += SLICE_SIZE) {
        const slice = chunk.subarray(start, start + SLICE_SIZE)
        onSlice(slice.length)
        const turn = this.#guard.beforeSlice()
        if (turn !== null) await turn
        yield slice
      }
    }
  }

  #checkProduced(produced: number, name: string, isLast: boolean): void {
    if (this.#max < Number.POSITIVE_INFINITY) {
      // `limitSize` limits the result of the last coding.
      if (isLast || produced <= innerLimit(this.#max)) return
      const text = `The ${name} content of the response body, which is coded again, has at least ${produced} bytes; the limit is ${this.#max}`
      throw new ResponseTooLarge(text, this.#facts)
    }
    const { bytes, perByteReceived } = DEFAULT_LIMIT
    const limit = Math.max(bytes, perByteReceived * this.#received)
    if (produced <= limit) return
    const text = `The ${name} content of the response body has at least ${produced} bytes after decoding; the limit without maxResponseSize is ${limit}`
    throw new ResponseTooLarge(text, this.#facts)
  }
}

/**
 * Returns how many bytes content may have that is coded once more, if it may have `max` bytes
 * without that coding: incompressible content becomes slightly larger.
 */
export function innerLimit(max: number): number {
  return max * 1.01 + 1024
}
