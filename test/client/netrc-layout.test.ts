import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type * as NetrcParser from 'netrc-parser'
import { parseNetrc } from '../../src/client/netrc/grammar.ts'
import { Netrc } from '../../src/client/netrc/netrc.ts'
import { assertLinear } from '../support/growth.ts'
import { netrcFile } from './netrc-file.ts'

const require = createRequire(import.meta.url)

type Found = readonly [login: string, password: string] | null

function lookup(t: TestContext, text: string | Uint8Array, host: string): Found {
  const found = Netrc.read(netrcFile(t, text)).lookup(host)
  return found && [found.login, found.password]
}

/** Returns what netrc-parser finds in the same text. */
function parseWithPackage(text: string, host: string): readonly unknown[] | null {
  const { parse } = require('netrc-parser') as typeof NetrcParser
  const machines = parse(text)
  const found = Object.hasOwn(machines, host) ? machines[host] : undefined
  return found ? [found.login, found.password] : null
}

describe('A6 layouts that netrc-parser reads correctly too', () => {
  const cases: [name: string, text: string][] = [
    ['one line', 'machine h login u password p'],
    ['indented lines', 'machine h\n  login u\n  password p\n'],
    ['a byte order mark', '\ufeffmachine h login u password p'],
  ]
  for (const [name, text] of cases) {
    test(name, (t) => {
      assert.deepEqual(parseWithPackage(text, 'h'), ['u', 'p'])
      assert.deepEqual(lookup(t, text, 'h'), ['u', 'p'])
    })
  }
})

describe('A6 layouts that netrc-parser reads incorrectly', () => {
  // The defaults are the host h, and u and p as login and password.
  const cases: [name: string, text: string, expected?: Found, host?: string][] = [
    ['unindented lines', 'machine h\nlogin u\npassword p\n'],
    [
      'the example of HTTPX',
      'machine netrcexample.org\nlogin example-username\npassword example-password\n',
      ['example-username', 'example-password'],
      'netrcexample.org',
    ],
    ['CRLF', 'machine h\r\n  login u\r\n  password p\r\n'],
    ['CRLF in one line', 'machine h login u password p\r\n'],
    ['tabs', 'machine\th\tlogin\tu\tpassword\tp'],
    ['two spaces', 'machine  h  login  u  password  p'],
    ['a vertical tab and a form feed', 'machine h\vlogin u\fpassword p'],
    ['blank lines', 'machine h\n\n  login u\n\n  password p\n'],
    ['split after the host', 'machine h\n login u password p'],
    ['split before the host', 'machine\nh login u password p'],
    ['split everywhere', 'machine\n h\n login\n u\n password\n p\n'],
    ['split in the middle', 'machine h login u\npassword p'],
    ['several entries in a line', 'machine a login x password y machine h login u password p'],
    [
      'an entry that begins in the line of another one',
      'machine a login x password y machine h\nlogin u password p',
    ],
    ['default', 'default login u password p'],
    ['default after a machine', 'machine a login x password y\ndefault login u password p'],
    ['capitals', 'MACHINE H Login u PassWord p'],
    ['quotes', 'machine "h" login "u" password "p"'],
    ['a quoted space', 'machine h login "u v" password " p "', ['u v', ' p ']],
    ['quoted quotes and escapes', 'machine h login "\\"u\\\\" password "\\t\\x"', ['"u\\', '\tx']],
    ['a quoted hash', 'machine h login u password "#p # q"', ['u', '#p # q']],
    ['empty quotes', 'machine h login "" password ""', ['', '']],
    ['words end at the closing quote', 'machine "h"login "u"password p'],
    ['a password that begins with #', 'machine h login u password #p', ['u', '#p']],
    ['a password with # in it', 'machine h login u password p#q', ['u', 'p#q']],
    ['a password #', 'machine h login u password #\n', ['u', '#']],
    [
      'a password that begins with # in a separate line',
      'machine h login u password\n#p\n',
      ['u', '#p'],
    ],
    ['a login with #', 'machine h login #u# password p', ['#u#', 'p']],
    ['a password with a backslash', 'machine h\nlogin u\npassword p\\n"', ['u', 'p\\n"']],
    [
      'a password with a no-break space',
      'machine h\n login u\n password p\u00a0q\u2028',
      ['u', 'p\u00a0q\u2028'],
    ],
    ['a password that is percent-encoded', 'machine h\nlogin u\npassword %41=%', ['u', '%41=%']],
    ['letters outside ASCII', 'machine h\nlogin ü\npassword 🔑', ['ü', '🔑']],
    [
      'words that are keywords',
      'machine machine\nlogin machine password login',
      ['machine', 'login'],
      'machine',
    ],
    ['a host named host', 'machine host\nlogin u\npassword p', ['u', 'p'], 'host'],
    ['a host named __proto__', 'machine __proto__ login u password p', ['u', 'p'], '__proto__'],
    ['a host named _tokens', 'machine _tokens\nlogin u password p', ['u', 'p'], '_tokens'],
    ['account', 'machine h\nlogin u\naccount a\npassword p'],
    ['an account named login', 'machine h account login\nlogin u password p'],
    ['the keyword user, as in Python', 'machine h user u password p'],
    ['only a password', 'machine h password p', ['', 'p']],
    ['only a login', 'machine h login u', ['u', '']],
    ['the password first', 'machine h\npassword p\nlogin u'],
    ['a comment after a word', 'machine h # a\nlogin u # b\npassword p # c'],
    ['a comment without a space', '#a\nmachine h #a\nlogin u #b\npassword p #c'],
    ['a comment between keyword and value', 'machine h login\n# who?\nu password\n\t#\np'],
    ['a macro in the entry', 'machine h\nlogin u\nmacdef m\nlogin x\n\npassword p'],
    ['a macro with CRLF', 'macdef m\r\nput x\r\n\r\nmachine h\nlogin u\npassword p'],
    ['a macro without a body', 'macdef m\n\nmachine h\nlogin u password p'],
  ]
  for (const [name, text, expected = ['u', 'p'], host = 'h'] of cases) {
    test(name, (t) => {
      assert.notDeepEqual(parseWithPackage(text, host), expected, 'netrc-parser reads it correctly')
      assert.deepEqual(lookup(t, text, host), expected)
    })
  }
})

describe('A6 text that contains no credentials', () => {
  // netrc-parser finds an entry in most of these texts.
  const cases: [name: string, text: string, byPackage?: 'none'][] = [
    ['a comment', '# machine evil login x password y'],
    ['a comment without a space', '#machine evil login x password y\n'],
    ['a comment after an entry', 'machine h # machine evil login x password y', 'none'],
    ['a comment in a line with CR', '# a\rmachine evil login x password y'],
    [
      'a comment before a value',
      'machine h login\n# machine evil login x password y\nu password p',
    ],
    ['the body of a macro', 'macdef m\nmachine evil login x password y\n'],
    [
      'the body of a macro in an entry',
      'machine h\nmacdef m\n\tmachine evil login x password y\n\n',
    ],
    ['a macro with a line of blanks', 'macdef m\n \t \nmachine evil login x password y\n'],
    ['the line with the name of a macro', 'macdef m machine evil login x password y\n\n'],
    ['a macro with CRLF', 'macdef m\r\nmachine evil login x password y\r\n\r\n'],
    ['a quoted password', 'machine h password "machine evil login x password y"', 'none'],
    ['a quoted account', 'machine h account "a machine evil login x"', 'none'],
  ]
  for (const [name, text, byPackage] of cases) {
    test(name, (t) => {
      const { parse } = require('netrc-parser') as typeof NetrcParser
      const hosts = Object.keys(parse(text)).map((host) => host.trim())
      assert.equal(hosts.includes('evil'), byPackage !== 'none')
      assert.equal(lookup(t, text, 'evil'), null)
    })
  }
})

describe('A6 the choice of the entry', () => {
  const cases: [name: string, text: string, host: string, expected: Found][] = [
    ['none', 'machine h login u password p', 'other', null],
    ['an empty file', '', 'h', null],
    ['only comments', '# nothing\n\n  # here', 'h', null],
    [
      'the first entry of a host',
      'machine h login u password p machine h login x password y',
      'h',
      ['u', 'p'],
    ],
    [
      'the first entry of a host, without values of the second',
      'machine h login u\nmachine h login x password y',
      'h',
      ['u', ''],
    ],
    ['the first default', 'default login u password p\ndefault login x', 'h', ['u', 'p']],
    ['an entry before default', 'machine h login u password p\ndefault login x', 'h', ['u', 'p']],
    ['an entry after default', 'default login x\nmachine h login u password p', 'h', ['u', 'p']],
    ['an empty entry excludes default', 'machine h\ndefault login x', 'h', null],
    ['case is ignored', 'machine Example.COM login u password p', 'EXAMPLE.com', ['u', 'p']],
    ['not a subdomain', 'machine example.com login u password p', 'www.example.com', null],
    ['not a suffix', 'machine www.example.com login u password p', 'example.com', null],
    ['not with a trailing dot', 'machine example.com login u password p', 'example.com.', null],
    ['not with a port', 'machine example.com:8080 login u password p', 'example.com', null],
    ['IPv6', 'machine ::1 login u password p', '::1', ['u', 'p']],
    ['IPv6 in brackets', 'machine ::1 login u password p', '[::1]', ['u', 'p']],
    ['an empty name is not default', 'machine "" login u password p', 'h', null],
    ['toString is not a host', 'machine h login u password p', 'toString', null],
  ]
  for (const [name, text, host, expected] of cases) {
    test(name, (t) => assert.deepEqual(lookup(t, text, host), expected))
  }
})

test('21 the time for a hostile or large file is linear in its length', () => {
  const units = [
    'a',
    ' ',
    '\n',
    '#',
    '"',
    '\\',
    '# \n',
    'macdef m\n',
    'macdef m\n\n',
    ' \t \n',
    '\n #',
  ]
  const entries = [
    'machine a\n',
    'machine h login u password p\n',
    'default ',
    'account "x" ',
    'account # ',
  ]
  for (const begin of [
    '',
    'machine h password ',
    'machine h password "',
    'macdef m\n',
    'login\n',
  ]) {
    assertLinear(
      (size) => [...units, ...entries].map((unit) => begin + unit.repeat(size / unit.length)),
      (texts) => {
        for (const text of texts) {
          try {
            parseNetrc(text)
          } catch {}
        }
      },
    )
  }
})

test('netrc-parser parses only the entry that is looked up', (t) => {
  assertLinear(
    (size) => {
      const lines = Array.from(
        { length: size / 32 },
        (_, i) => `machine h${i} login u password p\n`,
      )
      return netrcFile(t, lines.join(''))
    },
    (file) => Netrc.read(file).lookup('h7'),
  )
})
