/** A challenge: an authentication scheme that a server offers. RFC 9110 11.3 */
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
const TOKEN68 = /[ \t]+[\w\-.~+/]+=*[ \t]*(?=,|$)/y
/** Allows more than a token, because some servers send base64 without quotes. */
const UNQUOTED_VALUE = /[^ \t,"]*/y

/**
 * Parses the challenges in one WWW-Authenticate field. A name with an equals sign is a parameter of
 * the current challenge; a name without one begins the next challenge. Invalid text is skipped up
 * to the next comma. The time is linear in the length of the field. RFC 9110 11.6.1
 */
export function parseChallenges(field: string): Challenge[] {
  const challenges: Challenge[] = []
  let params = new Map<string, string>()
  const scanner = new Scanner(field)
  while (scanner.nextElement()) {
    const name = scanner.match(TOKEN).toLowerCase()
    if (name === '') scanner.skipToComma()
    else if (scanner.match(EQUALS) !== '') setIfAbsent(params, name, scanner.value())
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
  while (scanner.nextElement()) {
    const name = scanner.match(TOKEN).toLowerCase()
    if (name !== '' && scanner.match(EQUALS) !== '') setIfAbsent(params, name, scanner.value())
    else scanner.skipToComma()
  }
  return params
}

function setIfAbsent(params: Map<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined && !params.has(name)) params.set(name, value)
}

/** Reads a field value. Each step takes time in proportion to the characters that it reads. */
class Scanner {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Skips the separators before the next element of the list. Returns whether there is one. */
  nextElement(): boolean {
    this.match(SEPARATORS)
    return this.#position < this.#text.length
  }

  /** Reads what a sticky pattern matches at the current position; empty if it does not match. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#position += found.length
    return found
  }

  /** Reads a quoted string or an unquoted value; undefined if the quoted string has no end. */
  value(): string | undefined {
    if (this.#text[this.#position] !== '"') return this.match(UNQUOTED_VALUE)
    const quoted = this.#quoted()
    return quoted?.slice(1, -1).replace(/\\(.)/gs, '$1')
  }

  /** Skips invalid text. A comma in a quoted string does not end it. */
  skipToComma(): void {
    if (this.#text[this.#position] === '"') this.#quoted()
    const comma = this.#text.indexOf(',', this.#position)
    this.#position = comma === -1 ? this.#text.length : comma
  }

  /** Reads a quoted string; without an end, skips everything. RFC 9110 5.6.4 */
  #quoted(): string | undefined {
    const start = this.#position
    for (let i = start + 1; i < this.#text.length; i++) {
      const char = this.#text[i]
      if (char === '\\') i++
      else if (char === '"') {
        this.#position = i + 1
        return this.#text.slice(start, this.#position)
      }
    }
    this.#position = this.#text.length
    return undefined
  }
}
