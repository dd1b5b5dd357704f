import { withoutPrototype } from '../models/options.ts'

const BYTE_ORDER_MARK = '\ufeff'
const LINE_END = /\r\n|\r|\n/
/** Pieces that are put together at a time: a piece of a byte costs 8 in a list, and 32 in a rope. */
const MAX_PIECES = 1024
const STREAM = withoutPrototype({ stream: true })

/**
 * Bytes as text, piece by piece what decoding them all at once would give. A character that a chunk cuts
 * waits for its rest; a byte order mark at the beginning is left out, and what is invalid becomes U+FFFD.
 *
 * @param charset a name as `charsetOf` gives it
 */
export async function* iterText(
  source: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncGenerator<string, void, undefined> {
  // Of its own accord Node 24 leaves out two marks where a chunk cuts the first.
  const decoder = new TextDecoder(charset, withoutPrototype({ ignoreBOM: true }))
  let isBeginning = charset.startsWith('utf-')
  for await (const chunk of source) {
    let text = decoder.decode(chunk, STREAM)
    if (text === '') continue
    if (isBeginning && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    isBeginning = false
    if (text !== '') yield text
  }
  const rest = decoder.decode()
  if (rest !== '') yield rest
}

/**
 * The lines of a text in pieces, without their ends: LF, CRLF or CR. A last line needs no end; behind an
 * end at the end there is no line. A line is given as soon as its end is here, so after a CR at the end
 * of a piece, an LF at the beginning of the next one ends nothing.
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
    line.add(pieces[0])
    for (let i = 1; i < pieces.length; i++) {
      yield line.take()
      line.add(pieces[i])
    }
  }
  const last = line.take()
  if (last !== '') yield last
}

/** A line in pieces, in linear time and memory. */
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
