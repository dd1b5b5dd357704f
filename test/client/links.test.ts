import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLinks } from '../../src/client/links.ts'
import { at, only } from '../support/at.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

type Plain = Record<string, Record<string, string>>

/** The links as plain objects, for comparison. */
function linksOf(value: string | null): Plain {
  return JSON.parse(JSON.stringify(parseLinks(value))) as Plain
}

const next = { url: 'http://h/?page=2', rel: 'next' }
const cases: [value: string | null, links: Plain][] = [
  [null, {}],
  ['', {}],
  [' , ,', {}],
  ['<http://h/?page=2>; rel="next"', { next }],
  ['<http://h/?page=2>; rel=next', { next }],
  ['<http://h/?page=2>;rel=next', { next }],
  [' < http://h/?page=2 >\t; \tREL = "next" ; ', { next }],
  [
    '<http://h/?page=2>; rel="next", <http://h/?page=9>; rel="last"',
    { next, last: { url: 'http://h/?page=9', rel: 'last' } },
  ],
  [
    '<http://h/?page=2>;rel=next,<http://h/?page=9>;rel=last',
    { next, last: { url: 'http://h/?page=9', rel: 'last' } },
  ],
  ['</a>', { '/a': { url: '/a' } }],
  ['</a>, </b>; title=x', { '/a': { url: '/a' }, '/b': { url: '/b', title: 'x' } }],
  ['<>', { '': { url: '' } }],
  ['<>; rel=self', { self: { url: '', rel: 'self' } }],
  ['</a>; rel=""', { '/a': { url: '/a', rel: '' } }],
  ['</a>; rel="next last"', { 'next last': { url: '/a', rel: 'next last' } }],
  ['</a>; rel=x, </b>; rel=x', { x: { url: '/b', rel: 'x' } }],
  ['</a>; rel=x; rel=y; REL=z', { x: { url: '/a', rel: 'x' } }],
  ['</a>; rel=x; url="/evil"', { x: { url: '/a', rel: 'x' } }],
  ['</a,b;c>; rel=x', { x: { url: '/a,b;c', rel: 'x' } }],
  [
    '</a>; title="one, two; three=<four>"; rel=x',
    {
      x: { url: '/a', title: 'one, two; three=<four>', rel: 'x' },
    },
  ],
  [
    String.raw`</a>; title="say \"hi\" \\ \x"; rel=x`,
    {
      x: { url: '/a', title: String.raw`say "hi" \ x`, rel: 'x' },
    },
  ],
  [
    "</a>; title*=UTF-8''n%c3%a4chstes; rel=x",
    {
      x: { url: '/a', 'title*': "UTF-8''n%c3%a4chstes", rel: 'x' },
    },
  ],
  ['</a>; nopush; rel=x; as=', { x: { url: '/a', nopush: '', rel: 'x', as: '' } }],
  ['</a>; =b; ; rel=x', { x: { url: '/a', rel: 'x' } }],
  ['</a>; title=a=b; rel=x', { x: { url: '/a', title: 'a=b', rel: 'x' } }],
  ['</a>; title=a"b,c"; rel=x', { '/a': { url: '/a', title: 'a"b' } }],
  ['</a>; title="b"c; rel=x', { x: { url: '/a', title: 'b', rel: 'x' } }],
  ['</a>; rel="x', { x: { url: '/a', rel: 'x' } }],
  ['</a>; rel="x\\', { 'x\\': { url: '/a', rel: 'x\\' } }],
  ['</a> junk; rel=x', { x: { url: '/a', rel: 'x' } }],
  ['</a; rel=x', {}],
  ['<', {}],
  ['/a; rel=x', {}],
  ['junk </a>; rel=x, </b>; rel=y', { y: { url: '/b', rel: 'y' } }],
  ['junk, </b>; rel=y', { y: { url: '/b', rel: 'y' } }],
  ['</caf\xc3\xa9>; rel=\xa0x', { '\xa0x': { url: '/caf\xc3\xa9', rel: '\xa0x' } }],
]
for (const [value, links] of cases) {
  test(JSON.stringify(value), () => assert.deepEqual(linksOf(value), links))
}

test('22 names of object properties are ordinary names', () => {
  const links = parseLinks('</a>; rel=__proto__; __proto__=x; constructor=y, </b>; rel=toString')
  assert.equal(Object.getPrototypeOf(links), null)
  assert.deepEqual(Object.keys(links), ['__proto__', 'toString'])
  const link = at(Object.values(links), 0)
  assert.equal(Object.getPrototypeOf(link), null)
  assert.deepEqual(Object.entries(link), [
    ['url', '/a'],
    ['rel', '__proto__'],
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  assert.equal(({} as Record<string, unknown>).url, undefined)
})

test('22 a polluted Object.prototype adds nothing', () => {
  const links = withPollutedPrototype({ rel: 'evil', url: 'evil' }, () => parseLinks('</a>'))
  assert.deepEqual(Object.keys(links), ['/a'])
  assert.equal(only(Object.values(links)).rel, undefined)
})

const hostile: [title: string, unit: string][] = [
  ['only <', '<'],
  ['only commas', ','],
  ['only quotes', '"'],
  ['only semicolons', ';'],
  ['only blanks', ' '],
  ['links', '<>,'],
  ['distinct parameters', ''],
  ['equal parameters', '; a=b'],
  ['backslashes', '\\'],
]
for (const [title, unit] of hostile) {
  for (const start of ['', '<a>', '<a>; a="', '<a>; a=']) {
    test(`21 linear: ${title} after ${JSON.stringify(start)}`, () => {
      const make = (size: number) =>
        start +
        (unit === ''
          ? Array.from({ length: size / 8 }, (_, i) => `;${i}=x`).join('')
          : unit.repeat(size / unit.length))
      assertLinear(make, parseLinks)
    })
  }
}
