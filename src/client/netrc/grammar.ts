import { parse } from 'netrc-parser'

/** One `machine` or `default` with what follows it; null for what it does not say. */
export interface NetrcEntry {
  /** In lower case; null for `default`. */
  readonly host: string | null
  login: string | null
  password: string | null
}

/** What a netrc file has for a host. */
export interface NetrcCredentials {
  /** Empty where the file gives none. */
  readonly login: string
  readonly password: string
}

/**
 * The entries of a netrc file, in order, read as curl does but strictly: words with any blanks between them, keywords
 * in any case, `"quoted \" words"`, comments where a keyword may stand, macros until an empty line.
 * Throws an `Error` that names the line for all else; it says nothing of what stands there.
 */
export function parseNetrc(text: string): NetrcEntry[] {
  const words = new Words(text)
  const entries: NetrcEntry[] = []
  const current = () => entries.at(-1) ?? words.fail('a word before the first machine')
  for (let keyword = words.keyword(); keyword !== ''; keyword = words.keyword()) {
    switch (keyword) {
      case 'machine':
        entries.push({ host: words.value().toLowerCase(), login: null, password: null })
        break
      case 'default':
        entries.push({ host: null, login: null, password: null })
        break
      case 'login':
      case 'user':
        current().login = words.value()
        break
      case 'password':
        current().password = words.value()
        break
      case 'account':
        words.value()
        break
      case 'macdef':
        words.value()
        words.skipMacro()
        break
      default:
        words.fail('a word that is no keyword')
    }
  }
  return entries
}

// Not \s: a password may have a no-break space.
const BLANKS = /[ \t\r\n\v\f]*/y
const WORD = /[^ \t\r\n\v\f]*/y
const LONE_HASH = /#(?:[ \t\r\n\v\f]|$)/y
const EMPTY_LINE = /\n\r?(?:\n|$)/g
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

class Words {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next word where a keyword is due, in lower case; empty at the end of the file. */
  keyword(): string {
    for (this.#take(BLANKS); this.#text[this.#at] === '#'; this.#take(BLANKS)) this.#skipComment()
    return this.#take(WORD).toLowerCase()
  }

  /** The next word where a value is due. A `#` begins a value too, but alone at a line's start a comment. */
  value(): string {
    while (this.#take(BLANKS).includes('\n') && this.#isAt(LONE_HASH)) this.#skipComment()
    if (this.#text[this.#at] === '"') return this.#quoted()
    return this.#take(WORD) || this.fail('a keyword without its value')
  }

  /** Passes the body of a macro, to the end of the file if no empty line ends it. */
  skipMacro(): void {
    EMPTY_LINE.lastIndex = this.#at
    const found = EMPTY_LINE.test(this.#text)
    this.#at = found ? EMPTY_LINE.lastIndex : this.#text.length
  }

  fail(what: string): never {
    let line = 1
    for (let i = this.#text.indexOf('\n'); i !== -1 && i < this.#at; line++) {
      i = this.#text.indexOf('\n', i + 1)
    }
    throw new Error(`line ${line} has ${what}`)
  }

  /** A word in quotes, which ends in its line: one quote too many must not hide half of the file. */
  #quoted(): string {
    const start = this.#at + 1
    for (let i = start; i < this.#text.length && this.#text[i] !== '\n'; i++) {
      const char = this.#text[i]
      if (char === '\\' && this.#text[i + 1] !== '\n') i++
      else if (char === '"') {
        this.#at = i + 1
        return unescaped(this.#text.slice(start, i))
      }
    }
    return this.fail('a quote that does not end')
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.#text.length : end
  }

  #isAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    return pattern.test(this.#text)
  }

  /** What a sticky pattern matches here, which may be nothing. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => ESCAPES.get(char) ?? char)
}

/**
 * An entry, parsed by the package netrc-parser from the one layout that it reads right: one line, single
 * spaces, words of safe characters. Both fields are always there, or it would read them from a polluted
 * `Object.prototype`. One entry at a time: for each it looks through all that it has.
 */
export function parseByPackage({ host, login, password }: NetrcEntry): NetrcCredentials {
  const name = encode(host ?? '')
  const line = `machine ${name} login ${encode(login ?? '')} password ${encode(password ?? '')}`
  const machine = parse(line)[name]
  return { login: decode(machine.login), password: decode(machine.password) }
}

/** With a sign before it, since a word must not be empty, nor a host be called `__proto__`. */
function encode(word: string): string {
  return `=${encodeURIComponent(word)}`
}

function decode(word: string | undefined): string {
  return decodeURIComponent(word!.slice(1))
}
