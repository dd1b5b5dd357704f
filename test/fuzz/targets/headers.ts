import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Headers, LocalProtocolError } from '../../../src/engine.ts'
import { unicodeText } from '../hostile-text.ts'
import { target } from '../target.ts'

const name = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('a', 'A', 'b-c', 'Set-Cookie', 'set-cookie', '__proto__'),
  },
  { weight: 1, arbitrary: unicodeText },
)
const call = fc.record({
  method: fc.constantFrom('append', 'append', 'set', 'delete', 'copy'),
  name,
  value: fc.oneof(fc.constantFrom('1', ' 2 ', '\t', '', 'a, b'), unicodeText),
})

type Pair = readonly [name: string, value: string]

/** `Headers` behaves like a plain list of pairs, and rejects characters that could end a line. */
export const headers = target({
  name: 'headers',
  inputs: fc.array(call, { maxLength: 20, size: 'max' }),
  check(calls) {
    let headers = new Headers()
    let pairs: Pair[] = []
    for (const { method, name, value } of calls) {
      const isSame = ([other]: Pair) => lower(other) === lower(name)
      if (method === 'copy') headers = new Headers(copyOf(headers, value.length))
      else if (method === 'delete') {
        assert.equal(headers.delete(name), pairs.some(isSame))
        pairs = pairs.filter((pair) => !isSame(pair))
      } else if (!isAllowed(name, value)) {
        assert.throws(() => headers[method](name, value), LocalProtocolError)
      } else {
        headers[method](name, value)
        const pair = [name, value.replaceAll(/^[ \t]+|[ \t]+$/g, '')] as const
        const at = method === 'set' ? pairs.findIndex(isSame) : -1
        if (at === -1) pairs = [...pairs, pair]
        else pairs = pairs.flatMap((one, i) => (i === at ? [pair] : isSame(one) ? [] : [one]))
      }
      assert.deepEqual([...headers], pairs)
      const all = pairs.filter(isSame).map(([, value]) => value)
      assert.deepEqual(headers.getAll(name), all)
      assert.equal(headers.has(name), all.length > 0)
      const joined = lower(name) === 'set-cookie' ? all[0] : all.join(', ')
      assert.equal(headers.get(name), all.length > 0 ? joined : null)
    }
    const record: Record<string, string | string[]> = headers.toJSON()
    assert.deepEqual(Object.keys(record).sort(), [...new Set(pairs.map(([n]) => lower(n)))].sort())
    assert.deepEqual(Object.values(record).flat().sort(), pairs.map(([, value]) => value).sort())
  },
})

/** The headers in one of the forms that the constructor accepts. */
function copyOf(headers: Headers, shape: number): ConstructorParameters<typeof Headers>[0] {
  return [headers, [...headers], [...headers.flat()], new Map(headers).size ? headers.raw : null][
    shape % 4
  ]
}

/** RFC 9110 5.1, 5.5 */
function isAllowed(name: string, value: string): boolean {
  const isValue = [...value].every((char) => {
    const code = char.codePointAt(0)!
    return code === 9 || (code >= 32 && code !== 127 && code <= 255)
  })
  return isValue && /^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(name)
}

function lower(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
