import type { DecodingErrorFacts } from '../errors.ts'
import { checkCount, option } from '../models/options.ts'

const DEFAULT_MAX_SIZE = 1 << 20

/** What a parser of events or records needs to know about their response. */
export interface RecordContext {
  readonly contentType: string | null
  /** Creates the error to throw. */
  readonly fail: (message: string, facts?: Pick<DecodingErrorFacts, 'cause'>) => Error
}

/** Returns the option `name` in bytes; `Infinity` for no limit. Throws `TypeError` if invalid. */
export function maxSizeOf<Name extends string>(
  options: { readonly [N in Name]?: number | null | undefined },
  name: Name,
): number {
  const max = option(options, name, DEFAULT_MAX_SIZE)
  return checkCount(name, max, 1) ?? Number.POSITIVE_INFINITY
}

/** Returns the type of a Content-Type in lower case, without parameters; empty if there is none. */
export function mediaType(contentType: string | null): string {
  return (contentType ?? '').replace(/;.*/s, '').trim().toLowerCase()
}

/**
 * Returns the index of the byte that ends the record, at or after `start`; -1 if the chunk does not
 * contain it.
 */
export type FindEnd = (chunk: Buffer, start: number) => number

/** Splits content in chunks into records of limited length, in linear time. */
export class RecordSplitter {
  readonly #findEnd: FindEnd
  readonly #max: number
  readonly #tooLong: () => Error
  /** Contains the beginning of a record that continues in the next chunk. */
  #buffer = Buffer.alloc(0)
  #length = 0

  /**
   * @param findEnd finds the ends of the records of this content; may have a state
   * @param max the limit of a record in bytes, without the byte that ends it
   * @param tooLong creates the error to throw for a longer record
   */
  constructor(findEnd: FindEnd, max: number, tooLong: () => Error) {
    this.#findEnd = findEnd
    this.#max = max
    this.#tooLong = tooLong
  }

  /**
   * Yields the records that end in `chunk`, with the byte that ends them. A record is valid until
   * the next one is requested.
   */
  *split(chunk: Uint8Array): Generator<Buffer, void, undefined> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let start = 0; start < bytes.length; ) {
      const end = this.#findEnd(bytes, start)
      const isComplete = end !== -1
      const length = this.#length + (isComplete ? end : bytes.length) - start
      if (length > this.#max) throw this.#tooLong()
      if (!isComplete) return this.#append(bytes.subarray(start))
      const last = bytes.subarray(start, end + 1)
      if (this.#length === 0) {
        yield last
      } else {
        this.#append(last)
        yield this.takeRest()
      }
      start = end + 1
    }
  }

  /** Returns the bytes after the last record that has ended, and forgets them. */
  takeRest(): Buffer {
    const rest = this.#buffer.subarray(0, this.#length)
    this.#length = 0
    return rest
  }

  #append(bytes: Buffer): void {
    const needed = this.#length + bytes.length
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = needed
  }
}
