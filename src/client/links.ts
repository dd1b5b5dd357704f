import { trimBlanks } from '../models/field.ts'

/**
 * One link of a Link field: its target as received, and its parameters. Their names are in lower
 * case.
 */
export interface Link {
  readonly url: string
  readonly rel?: string
  readonly [parameter: string]: string | undefined
}

/**
 * Parses the value of a Link field. Returns the links by their whole `rel` value (which may name
 * several relations), or by their URL if they have none. If several links have the same key, the
 * last one is returned. Malformed links are ignored. The records have no prototype, so that no name
 * of a server collides with its properties. RFC 8288 3
 */
export function parseLinks(value: string | null): Record<string, Link> {
  const links: Record<string, Link> = Object.create(null)
  if (value === null) return links
  const scanner = new Scanner(value)
  while (!scanner.atEnd) {
    const link = readLink(scanner)
    if (link !== null) links[link.rel || link.url] = link
    scanner.consume(',')
  }
  return links
}

/** Reads one link and stops at the comma behind it. Returns null if it is malformed. */
function readLink(scanner: Scanner): Link | null {
  const isLink = scanner.readUntil('<,') === '' && scanner.consume('<')
  if (!isLink) {
    scanner.readUntil(',')
    return null
  }
  const link: Record<string, string> & { url: string } = Object.create(null)
  link.url = scanner.readUntil('>')
  if (!scanner.consume('>')) return null
  scanner.readUntil(';,')
  while (scanner.consume(';')) {
    const name = scanner.readUntil('=;,').toLowerCase()
    const value = scanner.consume('=') ? scanner.readValue() : ''
    // A repeated `rel` must be ignored. RFC 8288 3.3
    if (name !== '') link[name] ??= value
  }
  return link
}

/** Reads a text from beginning to end. Reads each character once, so the time is linear. */
class Scanner {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length
  }

  /** Skips the next character if it is this one. Returns whether it was. */
  consume(char: string): boolean {
    const isNext = this.#text[this.#position] === char
    if (isNext) this.#position++
    return isNext
  }

  /** Reads up to one of these characters or the end, and removes surrounding blanks. */
  readUntil(chars: string): string {
    const start = this.#position
    while (!this.atEnd && !chars.includes(this.#text[this.#position])) this.#position++
    return trimBlanks(this.#text, start, this.#position)
  }

  /**
   * Reads a token, or the content of a quoted string, and stops at the next semicolon or comma.
   * RFC 9110 5.6.4
   */
  readValue(): string {
    while (this.consume(' ') || this.consume('\t'));
    if (!this.consume('"')) return this.readUntil(';,')
    const start = this.#position
    while (!this.atEnd && this.#text[this.#position] !== '"')
      this.#position += this.#text[this.#position] === '\\' ? 2 : 1
    const quoted = this.#text.slice(start, this.#position).replace(/\\(.)/gs, '$1')
    this.readUntil(';,')
    return quoted
  }
}
