import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Client } from '../../../src/index.ts'
import { pathAndQuery } from '../../../src/models/url.ts'
import { textOfWords, unicodeText } from '../hostile-text.ts'
import { target } from '../target.ts'

const name = fc.oneof(fc.constantFrom('a', 'b', 'c d', 'é', '', '__proto__'), unicodeText)
const query = textOfWords([
  'a=1',
  'b',
  'b=',
  '=x',
  '&',
  '&&',
  'c+d=2',
  'c%20d',
  '%C3%A9=1',
  '%zz',
  '+',
  '%61=3',
])

const client = new Client({ trustEnv: false })

/** Parameters replace those with the same name. Every other byte of the URL stays unchanged. */
export const params = target({
  name: 'params',
  inputs: fc.record({
    query: query.map((text) => text.replaceAll(/[\r\n\t\0#]/g, '')),
    fragment: fc.constantFrom('', '#f', '#?a=1'),
    params: fc.array(fc.tuple(name, fc.option(unicodeText)), { maxLength: 4 }),
  }),
  check({ query, fragment, params }) {
    const before = new URL(`http://h.test/p/?${query}${fragment}`)
    const { url: after } = client.buildRequest('GET', before, { params })
    const fromText = client.buildRequest('GET', before.href, { params })
    assert.equal(fromText.target, pathAndQuery(after), 'of a URL that is not parsed')
    assert.equal(fromText.url.href, after.href)
    const names = new Set(params.map(([name]) => wellFormed(name)))
    const isTouched = ([segment]: Segment) => names.has(nameOf(segment))
    const untouched = segmentsOf(before).filter((one) => !isTouched(one))
    if (names.size > 0) {
      assert.deepEqual(
        segmentsOf(after).filter((one) => !isTouched(one)),
        untouched,
      )
    } else assert.equal(after.href, before.href)
    for (const name of names) {
      const values = params.filter((pair) => wellFormed(pair[0]) === name).map(([, value]) => value)
      const given = values.flatMap((value) => (value === null ? [] : [wellFormed(value)]))
      assert.deepEqual(after.searchParams.getAll(name), given, name)
    }
    assert.equal(after.hash, before.hash)
    assert.equal(after.pathname, before.pathname)
    assert.equal(after.origin, before.origin)
  },
})

type Segment = readonly [text: string]

/** The segments of the query between ampersands, without empty ones. */
function segmentsOf({ search }: URL): Segment[] {
  return search
    .slice(1)
    .split('&')
    .filter((text) => text !== '')
    .map((text) => [text])
}

function nameOf(segment: string): string {
  const [pair] = new URLSearchParams(segment)
  return pair?.[0] ?? ''
}

/** The text as it is sent, with lone surrogates replaced. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
