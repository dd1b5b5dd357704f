const LINE_END = /\r\n|\r|\n/
/** Pieces that are put together at a time: a piece of a byte costs 8 in a list, and 32 in a rope. */
const MAX_PIECES = 1024

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
