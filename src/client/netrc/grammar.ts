import { parse } from 'netrc-parser'

/** One `machine` or `default` entry; its login and password are null if they are missing. */
export interface NetrcEntry {
  /** The host name in lower case; null for `default`. */
  readonly host: string | null
  login: string | null
  password: string | null
}

/** The credentials for a host. A value that is missing in the file is empty. */
export interface NetrcCredentials {
  readonly login: string
  readonly password: string
}

/**
 * Parses a netrc file and returns its entries in order. The grammar is that of curl, but strict:
 * words are separated by blanks of any kind, keywords can be in upper case, and words can be quoted
 * (`"quoted \" words"`). A comment can stand in place of a keyword. A macro ends at an empty line.
 *
 * Throws an `Error` that names the line, but contains no text of the file.
 */
export function parseNetrc(text: string): NetrcEntry[] {
  const tokenizer = new Tokenizer(text)
  const entries: NetrcEntry[] = []
  const current = () => entries.at(-1) ?? tokenizer.fail('text before the first machine')
  for (let keyword = tokenizer.keyword(); keyword !== ''; keyword = tokenizer.keyword()) {
    switch (keyword) {
      case 'machine':
        entries.push({ host: tokenizer.value().toLowerCase(), login: null, password: null })
        break
      case 'default':
        entries.push({ host: null, login: null, password: null })
        break
      case 'login':
      case 'user':
        current().login = tokenizer.value()
        break
      case 'password':
        current().password = tokenizer.value()
        break
      case 'account':
        tokenizer.value()
        break
      case 'macdef':
        tokenizer.value()
        tokenizer.skipMacro()
        break
      default:
        tokenizer.fail('an unknown keyword')
    }
  }
  return entries
}

// Not `\s`: a password may contain a no-break space.
const BLANKS = /[ \t\r\n\v\f]*/y
const WORD = /[^ \t\r\n\v\f]*/y
const HASH_WORD = /#(?:[ \t\r\n\v\f]|$)/y
const EMPTY_LINE = /\n\r?(?:\n|$)/g
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** Splits the text of a netrc file into words. */
class Tokenizer {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Reads a keyword, in lower case; empty at the end of the file. */
  keyword(): string {
    this.#take(BLANKS)
    while (this.#text[this.#position] === '#') {
      this.#skipComment()
      this.#take(BLANKS)
    }
    return this.#take(WORD).toLowerCase()
  }

  /**
   * Reads a value. It can begin with `#`, but a word `#` at the beginning of a line is a comment.
   */
  value(): string {
    while (this.#take(BLANKS).includes('\n') && this.#isAt(HASH_WORD)) this.#skipComment()
    if (this.#text[this.#position] === '"') return this.#quoted()
    return this.#take(WORD) || this.fail('a keyword without a value')
  }

  /** Skips the body of a macro, up to an empty line or the end of the file. */
  skipMacro(): void {
    EMPTY_LINE.lastIndex = this.#position
    const found = EMPTY_LINE.test(this.#text)
    this.#position = found ? EMPTY_LINE.lastIndex : this.#text.length
  }

  fail(what: string): never {
    let line = 1
    for (let i = this.#text.indexOf('\n'); i !== -1 && i < this.#position; line++) {
      i = this.#text.indexOf('\n', i + 1)
    }
    throw new Error(`line ${line} has ${what}`)
  }

  /**
   * Reads a quoted word. It must end in its line, so that a missing quote does not hide other
   * entries.
   */
  #quoted(): string {
    const start = this.#position + 1
    for (let i = start; i < this.#text.length && this.#text[i] !== '\n'; i++) {
      const char = this.#text[i]
      if (char === '\\' && this.#text[i + 1] !== '\n') i++
      else if (char === '"') {
        this.#position = i + 1
        return unescapeQuoted(this.#text.slice(start, i))
      }
    }
    return this.fail('an unterminated quote')
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#position)
    this.#position = end === -1 ? this.#text.length : end
  }

  #isAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.#position
    return pattern.test(this.#text)
  }

  /** Reads what a sticky pattern matches at the current position, which may be empty. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#position += found.length
    return found
  }
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => ESCAPES.get(char) ?? char)
}

/**
 * Parses an entry with the package netrc-parser, in the only layout that it reads correctly: one
 * line, single spaces, and words of safe characters. Login and password are always present, because
 * the package would read missing ones from a polluted `Object.prototype`. The text has one entry,
 * because the package compares each entry with all others.
 */
export function parseWithPackage({ host, login, password }: NetrcEntry): NetrcCredentials {
  const name = encode(host ?? '')
  const line = `machine ${name} login ${encode(login ?? '')} password ${encode(password ?? '')}`
  const machine = parse(line)[name]
  return { login: decode(machine.login), password: decode(machine.password) }
}

/** The leading `=` ensures that a word is not empty, and that no host is named `__proto__`. */
function encode(word: string): string {
  return `=${encodeURIComponent(word)}`
}

function decode(word: string | undefined): string {
  return decodeURIComponent(word!.slice(1))
}
