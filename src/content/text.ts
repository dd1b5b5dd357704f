import { withoutPrototype } from '../models/options.ts'

const BYTE_ORDER_MARK = '\ufeff'
const LINE_END = /\r\n|\r|\n/
/**
 * How many pieces of a line are joined at a time. Per piece, a list uses 8 bytes of memory, and a
 * string that V8 keeps as a tree of concatenations uses 32.
 */
const MAX_PIECES = 1024
const STREAM_OPTIONS = withoutPrototype({ stream: true })

/**
 * Decodes text in pieces. Together they are the text that decoding all bytes at once would give. A
 * character that is split between chunks is returned when it is complete. A byte order mark at the
 * beginning is removed, and invalid bytes become U+FFFD.
 *
 * @param charset a name that `charsetOf` returned
 */
export async function* iterText(
  source: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncGenerator<string, void, undefined> {
  // The mark is removed below: if it is split between chunks, the decoder of Node 24 removes two.
  const decoder = new TextDecoder(charset, withoutPrototype({ ignoreBOM: true }))
  let isBeginning = charset.startsWith('utf-')
  for await (const chunk of source) {
    let text = decoder.decode(chunk, STREAM_OPTIONS)
    if (text === '') continue
    if (isBeginning && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    isBeginning = false
    if (text !== '') yield text
  }
  const last = decoder.decode()
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
