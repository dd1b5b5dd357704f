import { withoutPrototype } from './options.ts'

const utf8 = new TextDecoder()
const STREAM = withoutPrototype({ stream: true })

/** The charset that a Content-Type names, by WHATWG's name; `utf-8` where that is absent or unknown. RFC 9110 8.3 */
export function charsetOf(contentType: string | null): string {
  const label = /;\s*charset="?([^\s;"]+)/i.exec(contentType ?? '')?.[1]
  if (label === undefined) return utf8.encoding
  try {
    return new TextDecoder(label).encoding
  } catch {
    return utf8.encoding
  }
}

/** Bytes as text; a byte order mark is left out, and what is invalid becomes U+FFFD. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  if (charset === utf8.encoding) return utf8.decode(bytes)
  const decoder = new TextDecoder(charset)
  if (charset !== 'windows-1252') return decoder.decode(bytes)
  // At once, Node from 20.18.3 to 24 takes this charset for latin1. nodejs/node#60888
  return decoder.decode(bytes, STREAM) + decoder.decode()
}
