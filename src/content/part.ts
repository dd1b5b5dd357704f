import { checkField } from '../models/field.ts'
import type { Body } from '../models/request.ts'

/** One part of a form. RFC 7578 4 */
export interface Part {
  readonly name: string
  /** Null for none. */
  readonly filename: string | null
  /** Null for none. */
  readonly contentType: string | null
  readonly content: Body
}

const ESCAPED: Readonly<Record<string, string>> = {
  '"': '%22',
  '\r': '%0D',
  '\n': '%0A',
  '\0': '%00',
  '\\': '\\\\',
}

/** Its header and the empty line. Throws `LocalProtocolError` for a type that no field value may be. */
export function partHead({ name, filename, contentType }: Part): string {
  let head = `Content-Disposition: form-data; name="${escaped(name)}"`
  if (filename !== null) head += `; filename="${escaped(filename)}"`
  if (contentType !== null) {
    checkField('Content-Type', contentType)
    head += `\r\nContent-Type: ${contentType}`
  }
  return `${head}\r\n\r\n`
}

/**
 * As browsers do it, not RFC 2231; NUL as well, at which some servers would cut the name. WHATWG HTML 4.10.21.8
 * And the backslash, which browsers leave alone: at the end of a name it escapes the quote for who reads a
 * quoted-string (RFC 2183), so busboy loses the part.
 */
function escaped(name: string): string {
  return name.replace(/["\r\n\0\\]/g, (each) => ESCAPED[each])
}
