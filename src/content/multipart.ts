import { StreamConsumed } from '../errors.ts'
import { checkField } from '../models/field.ts'
import type { Body } from '../models/request.ts'
import type { Chunk } from './content.ts'
import { Content, discardContent, isChunk, isReplayable, lengthOf } from './content.ts'
import { Pull } from './pull.ts'

/** One part of a form. RFC 7578 4 */
export interface Part {
  readonly name: string
  /** Null for none. */
  readonly filename: string | null
  /** Null for none. */
  readonly contentType: string | null
  readonly content: Body
}

/** Up to so many bytes, pieces that are in memory are joined into one chunk. */
const JOINED = 65_536

const ESCAPED: Readonly<Record<string, string>> = {
  '"': '%22',
  '\r': '%0D',
  '\n': '%0A',
  '\0': '%00',
  '\\': '\\\\',
}

const DONE: IteratorResult<Chunk> = { done: true, value: undefined }

/** A form as multipart/form-data, made as it is read. RFC 7578 */
export class Multipart extends Content {
  readonly length: number | null
  readonly isReplayable: boolean
  /** What stands between the parts, and their contents, in turn. */
  readonly #pieces: readonly Body[]

  /** Throws `LocalProtocolError` for a part whose content type no field value may be. */
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
    this.length = sumOf(pieces)
    this.isReplayable = pieces.every(isReplayable)
  }

  get isSpent(): boolean {
    return this.#pieces.some((piece) => piece instanceof Content && piece.isSpent)
  }

  /** The whole of a small form that is in memory already; null for others. */
  joined(): Uint8Array | null {
    const pieces = this.#pieces
    if (this.length === null || this.length > JOINED || !pieces.every(isChunk)) return null
    return join(pieces as readonly Chunk[], this.length)
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    if (this.isSpent) throw new StreamConsumed('A file of the form has been sent already')
    return new MultipartIterator(this.#pieces)
  }

  discard(): void {
    for (const piece of this.#pieces) discardContent(piece)
  }
}

class MultipartIterator implements AsyncIterator<Chunk> {
  readonly #pieces: readonly Body[]
  #at = 0
  /** The content that is being read. */
  #pull: Pull | null = null
  #closed = false

  constructor(pieces: readonly Body[]) {
    this.#pieces = pieces
  }

  async next(): Promise<IteratorResult<Chunk>> {
    try {
      while (!this.#closed) {
        if (this.#pull === null) {
          const piece = this.#take()
          if (piece === null) return DONE
          if (isChunk(piece)) return { done: false, value: piece }
          this.#pull = new Pull(piece)
        }
        const step = await this.#pull.next()
        if (!step.done) return step
        this.#pull = null
      }
      return DONE
    } catch (error) {
      this.#close()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Chunk>> {
    this.#close()
    return DONE
  }

  /** The content that is being read is closed, and those behind it too. */
  #close(): void {
    this.#closed = true
    this.#pull?.close()
    while (this.#at < this.#pieces.length) discardContent(this.#pieces[this.#at++])
  }

  /** The next piece that needs reading, or all that are in memory up to there; null at the end. */
  #take(): Body | null {
    const pieces = this.#pieces
    const chunks: Chunk[] = []
    let length = 0
    for (; this.#at < pieces.length; this.#at++) {
      const piece = pieces[this.#at]
      const size = isChunk(piece) ? sizeOf(piece) : Infinity
      if (chunks.length > 0 && length + size > JOINED) break
      if (!isChunk(piece)) return pieces[this.#at++]
      chunks.push(piece)
      length += size
    }
    if (chunks.length < 2) return chunks[0] ?? null
    return join(chunks, length)
  }
}

function sizeOf(chunk: Chunk): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
}

function join(chunks: readonly Chunk[], length: number): Uint8Array {
  const joined = Buffer.allocUnsafe(length)
  let at = 0
  for (const chunk of chunks) {
    if (typeof chunk === 'string') at += joined.write(chunk, at)
    else {
      joined.set(chunk, at)
      at += chunk.length
    }
  }
  return joined
}

/** Null if one of them is not known. */
function sumOf(pieces: readonly Body[]): number | null {
  let sum = 0
  for (const piece of pieces) {
    const length = lengthOf(piece)
    if (length === null) return null
    sum += length
  }
  return sum
}

/** The header of a part and the empty line. Throws `LocalProtocolError` for a type that no field value may be. */
function partHead({ name, filename, contentType }: Part): string {
  let head = `Content-Disposition: form-data; name="${escaped(name)}"`
  if (filename !== null) head += `; filename="${escaped(filename)}"`
  if (contentType !== null) {
    checkField('Content-Type', contentType)
    head += `\r\nContent-Type: ${contentType}`
  }
  return `${head}\r\n\r\n`
}

/**
 * As browsers do it, not RFC 2231; NUL as well, at which some servers would cut the name. WHATWG HTML 4.10.21.8
 * And the backslash, which browsers leave alone: at the end of a name it escapes the quote for who reads a
 * quoted-string (RFC 2183), so busboy loses the part.
 */
function escaped(name: string): string {
  return name.replace(/["\r\n\0\\]/g, (each) => ESCAPED[each])
}
