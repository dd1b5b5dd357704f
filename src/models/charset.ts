import { withoutPrototype } from './options.ts'

const utf8 = new TextDecoder()
const STREAM_OPTIONS = withoutPrototype({ stream: true })

/**
 * Returns the WHATWG name of the charset in a Content-Type; `utf-8` if there is none or it is
 * unknown. RFC 9110 8.3
 */
export function charsetOf(contentType: string | null): string {
  const label = /;\s*charset="?([^\s;"]+)/i.exec(contentType ?? '')?.[1]
  if (label === undefined) return utf8.encoding
  try {
    return new TextDecoder(label).encoding
  } catch {
    return utf8.encoding
  }
}

/** Decodes text. A byte order mark is removed, and invalid bytes become U+FFFD. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  if (charset === utf8.encoding) return utf8.decode(bytes)
  const decoder = new TextDecoder(charset)
  if (charset !== 'windows-1252') return decoder.decode(bytes)
  // Without `stream`, Node 20.18.3 to 24 decodes this charset as latin1. nodejs/node#60888
  return decoder.decode(bytes, STREAM_OPTIONS) + decoder.decode()
}
