import { parse } from 'netrc-parser'
import { Scanner } from '../scanner.ts'

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
  const scanner = new Scanner(text)
  const entries: NetrcEntry[] = []
  const current = () => entries.at(-1) ?? fail(scanner, 'text before the first machine')
  for (let keyword = readKeyword(scanner); keyword !== ''; keyword = readKeyword(scanner)) {
    switch (keyword) {
      case 'machine':
        entries.push({ host: readValue(scanner).toLowerCase(), login: null, password: null })
        break
      case 'default':
        entries.push({ host: null, login: null, password: null })
        break
      case 'login':
      case 'user':
        current().login = readValue(scanner)
        break
      case 'password':
        current().password = readValue(scanner)
        break
      case 'account':
        readValue(scanner)
        break
      case 'macdef':
        readValue(scanner)
        scanner.match(MACRO)
        break
      default:
        fail(scanner, 'an unknown keyword')
    }
  }
  return entries
}

// Not `\s`: a password may contain a no-break space.
const BLANKS = /[ \t\r\n\v\f]*/y
const WORD = /[^ \t\r\n\v\f]*/y
const COMMENT = /#[^\n]*/y
/** A comment whose first word is only `#`. */
const HASH_COMMENT = /#(?:[ \t\r\v\f][^\n]*)?(?=\n|$)/y
/** A word ends in its line, so that a missing quote does not hide other entries. */
const QUOTED = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"/y
/** The body of a macro, up to an empty line or the end of the file. */
const MACRO = /.*?(?:\n\r?(?:\n|$)|$)/sy
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** Reads a keyword, in lower case; empty at the end of the file. */
function readKeyword(scanner: Scanner): string {
  scanner.match(BLANKS)
  while (scanner.match(COMMENT) !== '') scanner.match(BLANKS)
  return scanner.match(WORD).toLowerCase()
}

/** Reads a value. It can begin with `#`, but a word `#` at the beginning of a line is a comment. */
function readValue(scanner: Scanner): string {
  while (scanner.match(BLANKS).includes('\n') && scanner.match(HASH_COMMENT) !== '');
  const quoted = scanner.match(QUOTED)
  if (quoted !== '') return unescapeQuoted(quoted.slice(1, -1))
  const word = scanner.match(WORD)
  if (word.startsWith('"')) return fail(scanner, 'an unterminated quote')
  return word || fail(scanner, 'a keyword without a value')
}

function fail({ text, position }: Scanner, what: string): never {
  throw new Error(`line ${text.slice(0, position).split('\n').length} has ${what}`)
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => ESCAPES.get(char) ?? char)
}

/**
 * Returns the credentials of an entry. The package netrc-parser parses them: it is a fixed
 * dependency of the project. It reads only one layout correctly: one line, single spaces, and words
 * of safe characters. Login and password are always present, because the package would read missing
 * ones from a polluted `Object.prototype`. The text has one entry, because the package compares
 * each entry with all others.
 */
export function credentialsOf({ host, login, password }: NetrcEntry): NetrcCredentials {
  const name = encode(host ?? '')
  const line = `machine ${name} login ${encode(login ?? '')} password ${encode(password ?? '')}`
  const machine = parse(line)[name]
  return { login: decode(machine?.login), password: decode(machine?.password) }
}

/** The leading `=` ensures that a word is not empty, and that no host is named `__proto__`. */
function encode(word: string): string {
  return `=${encodeURIComponent(word)}`
}

function decode(word = '='): string {
  return decodeURIComponent(word.slice(1))
}
