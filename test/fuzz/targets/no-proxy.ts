import assert from 'node:assert/strict'
import type { IPVersion } from 'node:net'
import { BlockList } from 'node:net'
import fc from 'fast-check'
import { NoProxy } from '../../../src/dispatch/proxies/no-proxy.ts'
import { textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

interface Host {
  readonly type: 'name' | IPVersion
  /** Written as in a URL, but without brackets. */
  readonly text: string
}

const port = fc.constantFrom(80, 443, 8080)
const name = fc
  .array(fc.constantFrom('a', 'b', 'xa', 'test'), { minLength: 1, maxLength: 3 })
  .map((labels): Host => ({ type: 'name', text: labels.join('.') }))
const byte = fc.constantFrom(0, 1, 10, 127, 128, 192, 255)
const ipv4 = fc
  .tuple(byte, byte, byte, byte)
  .map((bytes): Host => ({ type: 'ipv4', text: bytes.join('.') }))
const group = fc.constantFrom('0', '1', 'fe80', 'febf', '8000', 'fffe')
const ipv6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups): Host => ({ type: 'ipv6', text: groups.join(':') }))
const host = fc.oneof(name, ipv4, ipv6)

const entry = fc.record({
  host,
  /** Only for addresses. Taken modulo the number of possible prefix lengths. */
  prefix: fc.option(fc.nat(128)),
  port: fc.option(port, { freq: 2 }),
  leadingDot: fc.boolean(),
  trailingDot: fc.boolean(),
  isUpper: fc.boolean(),
})
type Entry = typeof entry extends fc.Arbitrary<infer Value> ? Value : never

/** NO_PROXY matches the same hosts as a model with `net.BlockList`, even with invalid entries. */
export const noProxy = target({
  name: 'no-proxy',
  inputs: fc.record({
    entries: fc.array(entry, { maxLength: 4 }),
    separator: fc.constantFrom(',', ' ', ', ', ',,', '\t'),
    invalid: fc.option(
      textOfWords(['*', '/', ':', '[', ']', 'a.test', '10.0.0.', '::', '%', 'http://']),
    ),
    host,
    port,
  }),
  check({ entries, separator, invalid, host, port }) {
    const url = new URL(`http://${bracketed(host)}:${port}/`)
    const list = entries.map(serialize).join(separator)
    const expected = entries.some((entry) => covers(entry, host, port))
    assert.equal(new NoProxy(list).matches(url), expected, list)
    if (invalid !== null && expected) {
      assert.ok(new NoProxy(`${invalid},${list}`).matches(url))
    }
    new NoProxy(invalid ?? '').matches(url)
  },
})

function bracketed({ type, text }: Host): string {
  return type === 'ipv6' ? `[${text}]` : text
}

function prefixOf({ host: { type }, prefix }: Entry): number | null {
  return prefix === null || type === 'name' ? null : prefix % (type === 'ipv4' ? 33 : 129)
}

function serialize(entry: Entry): string {
  const { host, leadingDot, trailingDot, isUpper } = entry
  const prefix = prefixOf(entry)
  const dots = [host.type === 'name' && leadingDot, host.type !== 'ipv6' && trailingDot]
  const [before, behind] = dots.map((dot) => (dot ? '.' : ''))
  const text = `${before}${bracketed(host)}${behind}`
  // An entry has either a range or a port.
  const end = prefix !== null ? `/${prefix}` : entry.port !== null ? `:${entry.port}` : ''
  return (isUpper ? text.toUpperCase() : text) + end
}

function covers(entry: Entry, host: Host, port: number): boolean {
  const prefix = prefixOf(entry)
  if (prefix === null && entry.port !== null && entry.port !== port) return false
  if (entry.host.type !== host.type) return false
  if (host.type === 'name') return `.${host.text}`.endsWith(`.${entry.host.text}`)
  const list = new BlockList()
  const length = prefix ?? (host.type === 'ipv4' ? 32 : 128)
  list.addSubnet(entry.host.text, length, host.type)
  return list.check(host.text, host.type)
}
