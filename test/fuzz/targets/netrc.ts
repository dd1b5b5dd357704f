import assert from 'node:assert/strict'
import fc from 'fast-check'
import { credentialsOf, parseNetrc } from '../../../src/client/netrc/grammar.ts'
import { textOfWords, unicodeText } from '../hostile-text.ts'
import { target } from '../target.ts'

const KEYWORDS = ['machine', 'default', 'login', 'password', 'account', 'macdef', '\n', '"', '#']

const anyWord = fc.oneof(
  fc.constantFrom('h', 'h.test', 'u', 'p', 'machine', 'login', '#', '#p', 'p#', '__proto__'),
  textOfWords(KEYWORDS, 3),
  unicodeText,
)
const entry = fc.record({
  host: fc.option(anyWord),
  login: fc.option(anyWord),
  password: fc.option(anyWord),
  account: fc.option(anyWord, { freq: 1 }),
  passwordFirst: fc.boolean(),
  /** Whether a macro follows the entry. Its body must not give credentials. */
  hasMacro: fc.boolean(),
})
const SPACES = [' ', '\n', '\t', '\r\n', '  ', '\n\n', '\n\t ', '\v', '\f']
const COMMENTS = ['\n# machine evil login x\n', '\n#\r\n', ' #"\n']

/** Every layout of a netrc file gives the same entries. Comments and macros give none. */
export const netrc = target({
  name: 'netrc',
  inputs: fc.record({
    entries: fc.array(entry, { maxLength: 3 }),
    /** How the words are written, in turn. */
    layout: fc.array(
      fc.record({
        space: fc.constantFrom(...SPACES),
        comment: fc.option(fc.constantFrom(...COMMENTS)),
        isQuoted: fc.boolean(),
        isUpper: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    noise: textOfWords(KEYWORDS),
  }),
  check({ entries, layout, noise }) {
    let text = ''
    let words = 0
    const next = () => layout[words++ % layout.length]!
    const keyword = (name: string) => {
      const { space, comment, isUpper } = next()
      text += (comment ?? space) + (isUpper ? name.toUpperCase() : name)
    }
    const value = (given: string) => {
      const { space, isQuoted } = next()
      text += space + (isQuoted || !isPlain(given) ? quoted(given) : given)
    }
    for (const { host, login, password, account, passwordFirst, hasMacro } of entries) {
      keyword(host === null ? 'default' : 'machine')
      if (host !== null) value(host)
      const pairs = [
        ['login', login],
        ['account', account],
        ['password', password],
      ] as const
      for (const [name, given] of passwordFirst ? [...pairs].reverse() : pairs) {
        if (given === null) continue
        keyword(name)
        value(given)
      }
      if (hasMacro) text += '\nmacdef init\nmachine evil\nlogin evil password evil\n\n'
    }
    const found = parseNetrc(text)
    assert.deepEqual(
      found,
      entries.map(({ host, login, password }) => ({
        host: host?.toLowerCase() ?? null,
        login,
        password,
      })),
    )
    for (const one of found.filter(isWellFormed)) {
      const { login, password } = credentialsOf(one)
      assert.deepEqual([login, password], [one.login ?? '', one.password ?? ''])
    }
    try {
      parseNetrc(noise)
    } catch (error) {
      assert.match((error as Error).message, /^line \d+ has (?:an? |text before)/)
    }
  },
})

/** Whether the word means the same without quotes. */
function isPlain(word: string): boolean {
  return /^[^ \t\r\n\v\f"#][^ \t\r\n\v\f]*$/.test(word)
}

function quoted(word: string): string {
  const escaped = word.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')
  return `"${escaped}"`
}

/** A file is in UTF-8 and cannot contain lone surrogates. */
function isWellFormed(entry: object): boolean {
  return Object.values(entry).every(
    (word) => word === null || Buffer.from(word).toString() === word,
  )
}
