import { trimBlanks } from '../models/field.ts'
import { Scanner } from './scanner.ts'

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
  const scanner = new Scanner(value ?? '')
  while (!scanner.atEnd) {
    const link = readLink(scanner)
    if (link !== null) links[link.rel || link.url] = link
    scanner.match(COMMA)
  }
  return links
}

const LINK_START = /[ \t]*</y
const UP_TO_BRACKET = /[^>]*/y
const BRACKET = />/y
const UP_TO_COMMA = /[^,]*/y
const COMMA = /,/y
const VALUE = /[^;,]*/y
const SEMICOLON = /;/y
const NAME = /[^=;,]*/y
const EQUALS = /=/y
const OPENING_QUOTE = /[ \t]*"/y
/** The content of a quoted string, which may have no end. RFC 9110 5.6.4 */
const QUOTED_CONTENT = /[^"\\]*(?:\\.?[^"\\]*)*/sy

/** Reads one link and stops at the comma behind it. Returns null if it is malformed. */
function readLink(scanner: Scanner): Link | null {
  if (scanner.match(LINK_START) === '') {
    scanner.match(UP_TO_COMMA)
    return null
  }
  const link: Record<string, string> & { url: string } = Object.create(null)
  link.url = readTrimmed(scanner, UP_TO_BRACKET)
  if (scanner.match(BRACKET) === '') return null
  scanner.match(VALUE)
  while (scanner.match(SEMICOLON) !== '') {
    const name = readTrimmed(scanner, NAME).toLowerCase()
    const value = scanner.match(EQUALS) === '' ? '' : readValue(scanner)
    // A repeated `rel` must be ignored. RFC 8288 3.3
    if (name !== '') link[name] ??= value
  }
  return link
}

/** Reads a token, or the content of a quoted string, and stops at the next semicolon or comma. */
function readValue(scanner: Scanner): string {
  if (scanner.match(OPENING_QUOTE) === '') return readTrimmed(scanner, VALUE)
  const quoted = scanner.match(QUOTED_CONTENT).replace(/\\(.)/gs, '$1')
  scanner.match(VALUE)
  return quoted
}

function readTrimmed(scanner: Scanner, pattern: RegExp): string {
  const text = scanner.match(pattern)
  return trimBlanks(text, 0, text.length)
}
