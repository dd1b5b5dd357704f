import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { withoutPrototype } from './options.ts'

const utf8 = new TextDecoder()
const STREAM_OPTIONS = withoutPrototype({ stream: true })

/**
 * The parameter `charset`, or a quoted string, in which such a parameter does not count. Servers
 * also send blanks around the equals sign, and single quotes. Linear: no two repetitions match the
 * same text.
 */
const CHARSET_OR_QUOTED =
  /;\s*charset\s*=\s*(?:["']\s*)?([^\s;,"']+)|"[^"\\]*(?:\\.?[^"\\]*)*(?:"|$)/gis

/**
 * Returns the WHATWG name of the charset in a Content-Type; `utf-8` if there is none or it is
 * unknown. RFC 9110 8.3
 */
export function charsetOf(contentType: string | null): string {
  if (contentType === null) return utf8.encoding
  for (const [, label] of contentType.matchAll(CHARSET_OR_QUOTED)) {
    if (label !== undefined) return charsetNamed(label) ?? utf8.encoding
  }
  return utf8.encoding
}

/**
 * Returns the WHATWG name of a charset; null if it is unknown. Hyphens and underscores may differ:
 * Python's `latin-1` is `latin1`.
 */
export function charsetNamed(label: string): string | null {
  return encodingOf(label) ?? encodingOf(label.replace(/[-_]/g, ''))
}

function encodingOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return null
  }
}

/** A byte order mark, which decides the charset of a text. WHATWG Encoding 6 */
interface ByteOrderMark {
  readonly charset: string
  /** In bytes. */
  readonly length: number
}

const UTF_8_MARK: ByteOrderMark = { charset: 'utf-8', length: 3 }
const UTF_16BE_MARK: ByteOrderMark = { charset: 'utf-16be', length: 2 }
const UTF_16LE_MARK: ByteOrderMark = { charset: 'utf-16le', length: 2 }

/** Returns the byte order mark at the beginning of a text; null if there is none. */
export function byteOrderMark(bytes: Uint8Array): ByteOrderMark | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return UTF_8_MARK
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return UTF_16BE_MARK
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return UTF_16LE_MARK
  return null
}

/** Whether only more bytes can tell if a text begins with a byte order mark. */
export function mayBecomeMark(bytes: Uint8Array): boolean {
  const [first] = bytes
  if (bytes.length < 2) return first === undefined || first === 0xef || first >= 0xfe
  return bytes.length === 2 && first === 0xef && bytes[1] === 0xbb
}

/**
 * Decodes text. A byte order mark decides the charset and is removed. Invalid bytes become U+FFFD.
 *
 * @param charset a name that `charsetOf` returned
 */
export function decodeText(bytes: Uint8Array, charset: string): string {
  const actual = byteOrderMark(bytes)?.charset ?? charset
  if (actual === utf8.encoding) return utf8.decode(bytes)
  const decoder = new TextDecoder(actual)
  if (actual !== 'windows-1252') return decoder.decode(bytes)
  // Without `stream`, Node 20.18.3 to 24 decodes this charset as latin1. nodejs/node#60888
  return decoder.decode(bytes, STREAM_OPTIONS) + decoder.decode()
}

/**
 * Decodes JSON text as UTF-8 if it is valid UTF-8 (RFC 8259 8.1), otherwise as `decodeText` does.
 * The labels of servers are often wrong. JSON has no NUL, but each character of ASCII has one in
 * UTF-16.
 */
export function decodeJson(bytes: Uint8Array, charset: string): string {
  if (charset !== utf8.encoding && isUtf8(bytes) && !bytes.includes(0)) return utf8.decode(bytes)
  return decodeText(bytes, charset)
}
