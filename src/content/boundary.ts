import { randomBytes } from 'node:crypto'
import { LocalProtocolError } from '../errors.ts'

/** 1 to 70 of these characters; the last is not a space. RFC 2046 5.1.1 */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/
/** One parameter, which may be empty. RFC 9110 5.6.6 */
const PARAMETER =
  /[\t ]*;[\t ]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=("[^"\\]*(?:\\.[^"\\]*)*"|[^\t ;"]*))?/sy

export interface Boundary {
  readonly boundary: string
  /** The Content-Type to send; null if the given one already contains the boundary. */
  readonly contentType: string | null
}

/**
 * Returns the boundary of a form: the one in its Content-Type, or else a random one.
 *
 * Throws `TypeError` for a type that has no boundary and is not multipart, because no server could
 * parse the form. Throws `LocalProtocolError` for a boundary that RFC 2046 does not allow.
 *
 * @param contentType the Content-Type of the request, null if it has none
 */
export function boundaryFor(contentType: string | null): Boundary {
  if (contentType === null) return withRandom('multipart/form-data')
  const given = boundaryOf(contentType)
  if (given !== null) {
    if (BOUNDARY.test(given)) return { boundary: given, contentType: null }
    throw new LocalProtocolError('The boundary in Content-Type is invalid (RFC 2046 5.1.1)')
  }
  if (/^[\t ]*multipart\//i.test(contentType)) return withRandom(contentType)
  throw new TypeError('Content-Type must be a multipart type for files and FormData, or omitted')
}

/**
 * Creates a boundary of 128 random bits. If an attacker could predict it, file content could add
 * parts to the form.
 */
function withRandom(type: string): Boundary {
  const boundary = randomBytes(16).toString('hex')
  return { boundary, contentType: `${type}; boundary=${boundary}` }
}

/** Returns the value of the `boundary` parameter, null if there is none. */
function boundaryOf(contentType: string): string | null {
  const start = contentType.indexOf(';')
  if (start < 0) return null
  PARAMETER.lastIndex = start
  for (let found = PARAMETER.exec(contentType); found; found = PARAMETER.exec(contentType)) {
    const [, name, value] = found
    if (name?.toLowerCase() !== 'boundary' || value === undefined) continue
    return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value
  }
  return null
}
