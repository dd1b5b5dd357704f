import { randomBytes } from 'node:crypto'
import { LocalProtocolError } from '../errors.ts'

/** RFC 2046 5.1.1: 1 to 70 of these, of which the last is no space. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/
/** One parameter, maybe an empty one. RFC 9110 5.6.6 */
const PARAMETER =
  /[\t ]*;[\t ]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=("[^"\\]*(?:\\.[^"\\]*)*"|[^\t ;"]*))?/sy

export interface Boundary {
  readonly boundary: string
  /** What Content-Type has to say; null if it says so already. */
  readonly contentType: string | null
}

/**
 * The boundary for a form that is sent with this Content-Type, null for none: the one it names, else a
 * random one. Throws `TypeError` for a type that is not multipart and names no boundary, since nobody
 * could read the form; `LocalProtocolError` for a boundary that RFC 2046 does not allow.
 */
export function boundaryFor(contentType: string | null): Boundary {
  if (contentType === null) return withRandom('multipart/form-data')
  const given = boundaryOf(contentType)
  if (given !== null) {
    if (BOUNDARY.test(given)) return { boundary: given, contentType: null }
    throw new LocalProtocolError('The boundary in Content-Type is not one that RFC 2046 allows')
  }
  if (/^[\t ]*multipart\//i.test(contentType)) return withRandom(contentType)
  throw new TypeError('files and FormData are sent as multipart: Content-Type says something else')
}

/** 128 bits of the CSPRNG: who could guess it could add parts. */
function withRandom(type: string): Boundary {
  const boundary = randomBytes(16).toString('hex')
  return { boundary, contentType: `${type}; boundary=${boundary}` }
}

/** What the `boundary` parameter says, null if there is none. */
function boundaryOf(contentType: string): string | null {
  const start = contentType.indexOf(';')
  if (start < 0) return null
  PARAMETER.lastIndex = start
  for (let found = PARAMETER.exec(contentType); found; found = PARAMETER.exec(contentType)) {
    const [, name, value] = found
    if (name?.toLowerCase() !== 'boundary') continue
    return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value
  }
  return null
}
