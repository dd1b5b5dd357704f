/** One way to authenticate that a server offers. RFC 9110 11.3 */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  readonly params: AuthParams
}

/** By name in lower case; values are unquoted. Of a repeated name the first. */
export type AuthParams = ReadonlyMap<string, string>

const SEPARATORS = /[ \t,]*/y
const TOKEN = /[!#$%&'*+\-.^`|~\w]+/y
const EQUALS = /[ \t]*=[ \t]*/y
const TOKEN68 = /[ \t]+[\w\-.~+/]+=*[ \t]*(?=,|$)/y
/** More than a token: base64 without quotes is common. */
const BARE_VALUE = /[^ \t,"]*/y

/**
 * The challenges in one value of WWW-Authenticate, in order. What follows a comma is another parameter if
 * it has an equals sign, else another challenge. What cannot be understood is skipped, up to a comma.
 * Linear in its length. RFC 9110 11.6.1
 */
export function parseChallenges(field: string): Challenge[] {
  const challenges: Challenge[] = []
  let params = new Map<string, string>()
  const scanner = new Scanner(field)
  while (scanner.more()) {
    const name = scanner.take(TOKEN).toLowerCase()
    if (name === '') scanner.skipGarbage()
    else if (scanner.take(EQUALS) !== '') setOnce(params, name, scanner.value())
    else {
      params = new Map()
      challenges.push({ scheme: name, params })
      scanner.take(TOKEN68)
    }
  }
  return challenges
}

/** Parameters without a scheme, as in Authentication-Info. RFC 7615 3 */
export function parseAuthParams(field: string): AuthParams {
  const params = new Map<string, string>()
  const scanner = new Scanner(field)
  while (scanner.more()) {
    const name = scanner.take(TOKEN).toLowerCase()
    if (name !== '' && scanner.take(EQUALS) !== '') setOnce(params, name, scanner.value())
    else scanner.skipGarbage()
  }
  return params
}

function setOnce(params: Map<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined && !params.has(name)) params.set(name, value)
}

/** A position in a field value. Every step takes time in proportion to what it passes. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Passes what separates elements of a list, and says whether there is another. */
  more(): boolean {
    this.take(SEPARATORS)
    return this.#at < this.#text.length
  }

  /** What a sticky pattern matches here, empty if nothing. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  /** A quoted string or a bare value; undefined if its quote does not end. */
  value(): string | undefined {
    if (this.#text[this.#at] !== '"') return this.take(BARE_VALUE)
    const quoted = this.#quoted()
    return quoted?.slice(1, -1).replace(/\\(.)/gs, '$1')
  }

  /** Passes what is neither a parameter nor a challenge. */
  skipGarbage(): void {
    if (this.#text[this.#at] === '"') this.#quoted()
    const comma = this.#text.indexOf(',', this.#at)
    this.#at = comma === -1 ? this.#text.length : comma
  }

  /** Passes a quoted string; undefined, and all is passed, if it does not end. RFC 9110 5.6.4 */
  #quoted(): string | undefined {
    const start = this.#at
    for (let i = start + 1; i < this.#text.length; i++) {
      const char = this.#text[i]
      if (char === '\\') i++
      else if (char === '"') {
        this.#at = i + 1
        return this.#text.slice(start, this.#at)
      }
    }
    this.#at = this.#text.length
    return undefined
  }
}
