import { Scanner } from '../scanner.ts'

/** An authentication scheme that a server offers, with its parameters. RFC 9110 11.3 */
export interface Challenge {
  /** The name of the scheme in lower case. */
  readonly scheme: string
  readonly params: AuthParams
}

/**
 * Parameters by name in lower case, with unquoted values. If a name is repeated, the first value
 * counts.
 */
export type AuthParams = ReadonlyMap<string, string>

const SEPARATORS = /[ \t,]*/y
const TOKEN = /[!#$%&'*+\-.^`|~\w]+/y
const EQUALS = /[ \t]*=[ \t]*/y
/** A value without a name, which some schemes use in place of parameters. RFC 9110 11.2 */
const TOKEN68 = /[ \t]+[\w\-.~+/]+=*[ \t]*(?=,|$)/y
/** Allows more characters than a token, because some servers send base64 without quotes. */
const UNQUOTED_VALUE = /[^ \t,"]*/y
/** A quoted string. RFC 9110 5.6.4 */
const QUOTED = /"[^"\\]*(?:\\.[^"\\]*)*"/sy
const UNTERMINATED = /".*/sy
/** Text up to the next comma that is not in a quoted string. */
const INVALID = /(?:"[^"\\]*(?:\\.[^"\\]*)*"?)?[^,]*/sy

/**
 * Parses the challenges in one WWW-Authenticate field. A name before an equals sign is a parameter
 * of the current challenge; any other name is the scheme of the next challenge. Parameters before
 * the first scheme are ignored, and invalid text is skipped up to the next comma. The time is
 * linear in the length of the field. RFC 9110 11.6.1
 */
export function parseChallenges(field: string): Challenge[] {
  const challenges: Challenge[] = []
  let params = new Map<string, string>()
  const scanner = new Scanner(field)
  while (skipSeparators(scanner)) {
    const name = scanner.match(TOKEN).toLowerCase()
    if (name === '') scanner.match(INVALID)
    else if (scanner.match(EQUALS) !== '') setIfAbsent(params, name, readValue(scanner))
    else {
      params = new Map()
      challenges.push({ scheme: name, params })
      scanner.match(TOKEN68)
    }
  }
  return challenges
}

/** Parses parameters without a scheme, as in Authentication-Info. RFC 7615 3 */
export function parseAuthParams(field: string): AuthParams {
  const params = new Map<string, string>()
  const scanner = new Scanner(field)
  while (skipSeparators(scanner)) {
    const name = scanner.match(TOKEN).toLowerCase()
    if (name !== '' && scanner.match(EQUALS) !== '') setIfAbsent(params, name, readValue(scanner))
    else scanner.match(INVALID)
  }
  return params
}

function setIfAbsent(params: Map<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined && !params.has(name)) params.set(name, value)
}

/** Skips the separators before the next element of the list. Returns whether there is one. */
function skipSeparators(scanner: Scanner): boolean {
  scanner.match(SEPARATORS)
  return !scanner.atEnd
}

/**
 * Reads a quoted string or an unquoted value. If the quoted string has no end, skips everything and
 * returns undefined.
 */
function readValue(scanner: Scanner): string | undefined {
  const quoted = scanner.match(QUOTED)
  if (quoted !== '') return quoted.slice(1, -1).replace(/\\(.)/gs, '$1')
  return scanner.match(UNTERMINATED) === '' ? scanner.match(UNQUOTED_VALUE) : undefined
}
