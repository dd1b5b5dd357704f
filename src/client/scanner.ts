/**
 * Reads a text from its beginning to its end. A step takes time in proportion to the characters
 * that it reads, if its pattern does.
 */
export class Scanner {
  readonly text: string
  position = 0

  constructor(text: string) {
    this.text = text
  }

  get atEnd(): boolean {
    return this.position >= this.text.length
  }

  /** Reads what a sticky pattern matches at the current position; empty if it does not match. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.position += found.length
    return found
  }
}
