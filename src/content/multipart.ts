import { StreamConsumed } from '../errors.ts'
import { checkField } from '../models/field.ts'
import type { Body } from '../models/request.ts'
import { ClosableIterator } from './closable-iterator.ts'
import type { Chunk } from './content.ts'
import { Content, discardContent, isInMemory, isReplayable, lengthOf } from './content.ts'

/** One part of a form. RFC 7578 4 */
export interface Part {
  readonly name: string
  /** Null if the part has no `filename`. */
  readonly filename: string | null
  /** Null if the part has no Content-Type. */
  readonly contentType: string | null
  readonly content: Body
}

/** The maximum size in bytes of a chunk that is joined from pieces in memory. */
const MAX_JOINED = 65_536

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '%22',
  '\r': '%0D',
  '\n': '%0A',
  '\0': '%00',
  '\\': '\\\\',
}

const DONE: IteratorResult<Chunk> = { done: true, value: undefined }

/** A form as multipart/form-data. Its parts are read while it is sent. RFC 7578 */
export class Multipart extends Content {
  readonly length: number | null
  readonly isReplayable: boolean
  /** The delimiter and header of each part, alternating with the content of the part. */
  readonly #pieces: readonly Body[]

  /** Throws `LocalProtocolError` for a part whose content type is not a valid field value. */
  constructor(parts: readonly Part[], boundary: string) {
    super()
    const pieces: Body[] = []
    let lineEnd = ''
    for (const part of parts) {
      pieces.push(`${lineEnd}--${boundary}\r\n${partHead(part)}`, part.content)
      lineEnd = '\r\n'
    }
    pieces.push(`${lineEnd}--${boundary}--\r\n`)
    this.#pieces = pieces
    this.length = totalLength(pieces)
    this.isReplayable = pieces.every(isReplayable)
  }

  get isConsumed(): boolean {
    return this.#pieces.some((piece) => piece instanceof Content && piece.isConsumed)
  }

  /** Returns the bytes of a small form that is completely in memory; null for other forms. */
  joinIfSmall(): Uint8Array | null {
    const pieces = this.#pieces
    if (this.length === null || this.length > MAX_JOINED || !pieces.every(isInMemory)) return null
    return join(pieces as readonly Chunk[], this.length)
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    if (this.isConsumed) {
      throw new StreamConsumed(
        'The form contains a stream that has already been sent and can be read only once',
      )
    }
    return new MultipartIterator(this.#pieces)
  }

  discard(reason?: unknown): void {
    for (const piece of this.#pieces) discardContent(piece, reason)
  }
}

class MultipartIterator implements AsyncIterator<Chunk> {
  readonly #pieces: readonly Body[]
  #nextIndex = 0
  /** The content of the current part, while it is read. */
  #content: ClosableIterator | null = null

  constructor(pieces: readonly Body[]) {
    this.#pieces = pieces
  }

  async next(): Promise<IteratorResult<Chunk>> {
    try {
      for (;;) {
        if (this.#content === null) {
          const piece = this.#nextPiece()
          if (piece === null) return DONE
          if (isInMemory(piece)) return { done: false, value: piece }
          this.#content = new ClosableIterator(piece)
        }
        const step = await this.#content.next()
        if (!step.done) return step
        this.#content = null
      }
    } catch (error) {
      this.#close()
      throw error
    }
  }

  async return(reason?: unknown): Promise<IteratorResult<Chunk>> {
    this.#close(reason)
    return DONE
  }

  /** Closes the content that is being read, and the content of all following parts. */
  #close(reason?: unknown): void {
    this.#content?.close(reason)
    this.#content = null
    for (const piece of this.#pieces.slice(this.#nextIndex)) discardContent(piece, reason)
    this.#nextIndex = this.#pieces.length
  }

  /**
   * Returns the next piece. Consecutive pieces in memory are joined up to `MAX_JOINED` bytes.
   * Returns null at the end.
   */
  #nextPiece(): Body | null {
    const pieces = this.#pieces
    const chunks: Chunk[] = []
    let length = 0
    for (;;) {
      const piece = pieces.at(this.#nextIndex)
      if (piece === undefined) break
      const size = isInMemory(piece) ? sizeOf(piece) : Infinity
      if (chunks.length > 0 && length + size > MAX_JOINED) break
      this.#nextIndex++
      if (!isInMemory(piece)) return piece
      chunks.push(piece)
      length += size
    }
    if (chunks.length < 2) return chunks.at(0) ?? null
    return join(chunks, length)
  }
}

/** Returns the size in bytes. */
function sizeOf(chunk: Chunk): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
}

function join(chunks: readonly Chunk[], length: number): Uint8Array {
  const joined = Buffer.allocUnsafe(length)
  let offset = 0
  for (const chunk of chunks) {
    if (typeof chunk === 'string') offset += joined.write(chunk, offset)
    else {
      joined.set(chunk, offset)
      offset += chunk.length
    }
  }
  return joined
}

/** Returns the length of all pieces in bytes; null if that of one is not known. */
function totalLength(pieces: readonly Body[]): number | null {
  const lengths = pieces.map(lengthOf).filter((length) => length !== null)
  return lengths.length < pieces.length ? null : lengths.reduce((sum, length) => sum + length, 0)
}

/**
 * Returns the header of a part and the empty line after it. Throws `LocalProtocolError` for a
 * content type that is not a valid field value.
 */
function partHead({ name, filename, contentType }: Part): string {
  let head = `Content-Disposition: form-data; name="${escapeName(name)}"`
  if (filename !== null) head += `; filename="${escapeName(filename)}"`
  if (contentType !== null) {
    checkField('Content-Type', contentType)
    head += `\r\nContent-Type: ${contentType}`
  }
  return `${head}\r\n\r\n`
}

/**
 * Escapes a name or file name as browsers do (WHATWG HTML 4.10.21.8), not as in RFC 2231. Two more
 * characters are escaped. Some servers truncate a name at NUL. A backslash at the end of a name
 * escapes the closing quote for parsers of quoted strings (RFC 2183); busboy then loses the part.
 */
function escapeName(name: string): string {
  return name.replace(/["\r\n\0\\]/g, (character) => ESCAPES[character] ?? character)
}
