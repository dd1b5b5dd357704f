import { trimBlanks } from '../models/field.ts'

/** One link of a Link field: its target as it came, and its parameters, their names in lower case. */
export interface Link {
  readonly url: string
  readonly rel?: string
  readonly [parameter: string]: string | undefined
}

/**
 * The links of a Link field by their `rel`, all of it where it names several relations, or by their URL
 * where they have none; of several with the same the last. The records have no prototype. What is
 * malformed is left out. RFC 8288 3
 */
export function parseLinks(value: string | null): Record<string, Link> {
  const links: Record<string, Link> = Object.create(null)
  if (value === null) return links
  const scanner = new Scanner(value)
  while (!scanner.atEnd) {
    const link = readLink(scanner)
    if (link !== null) links[link.rel || link.url] = link
    scanner.pass(',')
  }
  return links
}

/** One link up to its comma; null for anything else up to a comma. */
function readLink(scanner: Scanner): Link | null {
  const isLink = scanner.readUntil('<,') === '' && scanner.pass('<')
  if (!isLink) {
    scanner.readUntil(',')
    return null
  }
  const link: Record<string, string> & { url: string } = Object.create(null)
  link.url = scanner.readUntil('>')
  if (!scanner.pass('>')) return null
  scanner.readUntil(';,')
  while (scanner.pass(';')) {
    const name = scanner.readUntil('=;,').toLowerCase()
    const given = scanner.pass('=') ? scanner.readValue() : ''
    // A second one of the same name does not count. RFC 8288 3.3
    if (name !== '') link[name] ??= given
  }
  return link
}

/** Reads a text from its beginning to its end, each character once. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Whether this character was next. */
  pass(char: string): boolean {
    const isNext = this.#text[this.#at] === char
    if (isNext) this.#at++
    return isNext
  }

  /** What comes before one of these characters or the end, without blanks around it. */
  readUntil(chars: string): string {
    const start = this.#at
    while (!this.atEnd && !chars.includes(this.#text[this.#at])) this.#at++
    return trimBlanks(this.#text, start, this.#at)
  }

  /** A token, or what a quoted string says; up to the next semicolon or comma. RFC 9110 5.6.4 */
  readValue(): string {
    while (this.pass(' ') || this.pass('\t'));
    if (!this.pass('"')) return this.readUntil(';,')
    const start = this.#at
    while (!this.atEnd && this.#text[this.#at] !== '"')
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    const quoted = this.#text.slice(start, this.#at).replace(/\\(.)/gs, '$1')
    this.readUntil(';,')
    return quoted
  }
}
