import { TextDecoder } from 'node:util'
import { byteOrderMark, decodeText, mayBecomeMark } from '../models/charset.ts'
import { withoutPrototype } from '../models/options.ts'

const LINE_END = /\r\n|\r|\n/
/**
 * How many pieces of a line are joined at a time. Per piece, a list uses 8 bytes of memory, and a
 * string that V8 keeps as a tree of concatenations uses 32.
 */
const MAX_PIECES = 1024
const STREAM_OPTIONS = withoutPrototype({ stream: true })
const KEEP_MARKS = withoutPrototype({ ignoreBOM: true })
const NO_BYTES = new Uint8Array(0)

/**
 * Decodes text in pieces. Together they are the text that `decodeText` would return for all bytes:
 * a byte order mark decides the charset and is removed, and invalid bytes become U+FFFD. A
 * character that is split between chunks is returned when it is complete.
 *
 * @param charset a name that `charsetOf` returned
 */
export async function* iterText(
  source: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncGenerator<string, void, undefined> {
  let decoder: InstanceType<typeof TextDecoder> | null = null
  /** Chunks that may be the beginning of a byte order mark. */
  let beginning: Uint8Array = NO_BYTES
  for await (const chunk of source) {
    let bytes = chunk
    if (decoder === null) {
      if (beginning.length > 0) bytes = Buffer.concat([beginning, chunk])
      if (mayBecomeMark(bytes)) {
        beginning = bytes
        continue
      }
      const mark = byteOrderMark(bytes)
      if (mark !== null) bytes = bytes.subarray(mark.length)
      // The mark was removed: if it is split between chunks, the decoder of Node 24 removes two.
      decoder = new TextDecoder(mark?.charset ?? charset, KEEP_MARKS)
    }
    const text = decoder.decode(bytes, STREAM_OPTIONS)
    if (text !== '') yield text
  }
  const last = decoder === null ? decodeText(beginning, charset) : decoder.decode()
  if (last !== '') yield last
}

/**
 * Splits a text in pieces into lines, without their line ends: LF, CRLF or CR. The last line may
 * have no line end. There is no empty line after a line end at the end of the text.
 *
 * A line is returned as soon as its end has been received. A CR at the end of a piece therefore
 * ends the line, and an LF at the beginning of the next piece belongs to that line end.
 */
export async function* iterLines(
  texts: AsyncIterable<string>,
): AsyncGenerator<string, void, undefined> {
  const line = new UnfinishedLine()
  let afterCr = false
  for await (const text of texts) {
    if (text === '') continue
    const pieces = text.slice(afterCr && text[0] === '\n' ? 1 : 0).split(LINE_END)
    afterCr = text.endsWith('\r')
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) yield line.take()
      line.add(piece)
    }
  }
  const last = line.take()
  if (last !== '') yield last
}

/** Joins the pieces of a line in linear time and memory. */
class UnfinishedLine {
  #start = ''
  #pieces: string[] = []

  add(piece: string): void {
    if (piece === '') return
    this.#pieces.push(piece)
    if (this.#pieces.length === MAX_PIECES) this.#start = this.take()
  }

  take(): string {
    const line = this.#start + this.#pieces.join('')
    this.#start = ''
    this.#pieces = []
    return line
  }
}
