import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pathOf, plainUrlOrNull } from '../../../src/client/plain-url.ts'
import { parseBaseUrl, parseUrl } from '../../../src/client/url.ts'
import { Client, HawserError } from '../../../src/index.ts'
import { textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

const ORIGINS = [
  ...['http://h.test', 'https://h.test', 'http://127.0.0.1:8099', 'http://[::1]', 'http://xn--a'],
  ...[
    'HTTP://h',
    'http://H',
    'http://h:80',
    'https://h:443',
    'https://h:80',
    'http://h.',
    'http://h:',
  ],
  ...['http://u@h', 'http://u:p@h', 'http://127.1', 'http://1', 'http://0x7f.1', 'http://a_b'],
  ...[
    'ftp://h',
    'http://h:99999',
    'http://%68',
    'http:/h',
    'http:h',
    'http:///h',
    '//h',
    'http://é',
  ],
]
const START = ['', '/', '?', 'a', 'a:', '//', '\\', ' ', ...ORIGINS]
const WORDS = [
  ...[
    '/',
    '/',
    'a',
    'B',
    '0',
    '.',
    '..',
    'b.',
    '.c',
    '%2e',
    '%2E',
    '%20',
    '%',
    '%zz',
    '//',
    '?',
    '#',
  ],
  ...[
    '&',
    '=',
    ':',
    '@',
    '\\',
    ' ',
    '~',
    '!',
    "'",
    '"',
    '<',
    '>',
    '{',
    '}',
    '|',
    '^',
    '`',
    '(',
    ')',
  ],
  ...[
    '*',
    '+',
    ';',
    ',',
    '$',
    '_',
    '-',
    '[',
    ']',
    'é',
    '\ud800',
    'http:',
    '\t',
    '\n',
    '\0',
    '\x7f',
  ],
]
const BASES = [
  ...[
    'http://h.test',
    'http://h.test/',
    'http://h.test/a',
    'http://h.test/a/',
    'http://h.test/a//',
  ],
  ...[
    'https://h.test:8443/v1/%7e',
    'http://h.test/?q=1',
    'http://u:p@h.test/a',
    'http://h/é/../b|',
  ],
]

/** A URL that is not parsed at once has the parts that the WHATWG parser would find. */
export const plainUrls = target({
  name: 'plain-urls',
  inputs: fc.record({
    base: fc.option(fc.constantFrom(...BASES)),
    start: fc.constantFrom(...START),
    path: fc.oneof(
      textOfWords(WORDS),
      fc.array(fc.constantFrom(...WORDS)).map((all) => all.join('')),
    ),
  }),
  async check({ base, start, path }) {
    const text = start + path
    const baseUrl = base === null ? null : parseBaseUrl(base)
    const plain = plainUrlOrNull(text, baseUrl)
    let parsed: URL | null = null
    try {
      parsed = parseUrl(text, baseUrl)
    } catch (error) {
      assert.ok(error instanceof HawserError, String(error))
    }
    if (plain !== null) {
      assert.equal(plain.href, parsed?.href)
      assert.equal(plain.origin, parsed?.origin)
      assert.equal(plain.path, parsed && pathOf(parsed))
    }
    if (parsed === null) return
    const client = new Client({ trustEnv: false, ...(base !== null && { baseUrl: base }) })
    const request = client.buildRequest('GET', text)
    assert.equal(request.target, pathOf(parsed), 'before the URL is read')
    assert.equal(request.url.href, parsed.href)
    assert.equal(request.target, pathOf(parsed), 'after the URL was read')
    await client.close()
  },
})
