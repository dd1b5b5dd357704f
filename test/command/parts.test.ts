import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { selectBackend } from '../../src/backends/select.ts'
import { hintFor } from '../../src/command/command-errors.ts'
import { contentRange, unsatisfiedTotal, validatorOf } from '../../src/command/download.ts'
import { Output, OutputClosed } from '../../src/command/output.ts'
import { prettyJson } from '../../src/command/pretty-json.ts'
import { ProgressBar } from '../../src/command/progress-bar.ts'
import { bodyKind } from '../../src/command/response-printer.ts'
import { createColours, wrapText } from '../../src/command/terminal.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatWholeSeconds,
} from '../../src/command/units.ts'
import { ConnectError, ProxyError } from '../../src/errors.ts'
import { Headers } from '../../src/models/headers.ts'
import { assertLinear } from '../support/growth.ts'

const plain = createColours(false)

test('numbers are formatted with three digits and a unit', () => {
  const cases: [formatted: string, expected: string][] = [
    [formatBytes(0), '0 bytes'],
    [formatBytes(1), '1 byte'],
    [formatBytes(999), '999 bytes'],
    [formatBytes(1000), '1.00 kB'],
    [formatBytes(9_996), '10.0 kB'],
    [formatBytes(999_499), '999 kB'],
    [formatBytes(999_500), '1.00 MB'],
    [formatBytes(12_345_678_901), '12.3 GB'],
    [formatBytes(5e15), '5000 TB'],
    [formatDuration(0), '0 µs'],
    [formatDuration(0.9994), '999 µs'],
    [formatDuration(0.9996), '1.00 ms'],
    [formatDuration(999.6), '1.00 s'],
    [formatDuration(59_949), '59.9 s'],
    [formatDuration(61_000), '1:01 min'],
    [formatWholeSeconds(0), '0 s'],
    [formatWholeSeconds(59_001), '1:00 min'],
    [formatWholeSeconds(3_600_000), '1:00:00 h'],
    [formatCount(0), '0'],
    [formatCount(999), '999'],
    [formatCount(1_234_567.8), '1,234,568'],
  ]
  for (const [formatted, expected] of cases) assert.equal(formatted, expected)
})

describe('prettyJson', () => {
  const cases: [text: string, expected: string | null][] = [
    ['1', '1'],
    ['"a\\"b"', '"a\\"b"'],
    ['{"a":1e5,"a":[ ]}', '{\n  "a": 1e5,\n  "a": []\n}'],
    [' [ {} , [[]] ] ', '[\n  {},\n  [\n    []\n  ]\n]'],
    ['{"a:b":"{,}"}', '{\n  "a:b": "{,}"\n}'],
    ['', null],
    ['{a: 1}', null],
    ['[1,]', null],
    ['1 2', null],
  ]
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => assert.equal(prettyJson(text, plain), expected))
  }

  test('changes only white space', () => {
    const text = '{"a":[1,-2.50,{"b":"\\u00e9\\n"},[],null,true],"c":{}}'
    assert.deepEqual(JSON.parse(prettyJson(text, plain)!), JSON.parse(text))
    assert.equal(prettyJson(text, plain)!.replace(/\s/g, ''), text)
  })

  test('21 takes time linear in depth and length', () => {
    const pretty = (text: string) => prettyJson(text, plain)
    assertLinear((size) => '['.repeat(size / 2) + ']'.repeat(size / 2), pretty)
    assertLinear((size) => `"${'a\\\\'.repeat(size / 3)}"`, pretty)
    assertLinear((size) => `${'['.repeat(90)}1${',1'.repeat(size / 2)}${']'.repeat(90)}`, pretty)
  })

  test('rejects JSON that indentation would make too large', () => {
    assert.equal(prettyJson('['.repeat(100_000) + ']'.repeat(100_000), plain), null)
  })
})

test('bodyKind', () => {
  const cases: [type: string | null, first: string, expected: string][] = [
    ['application/json', '', 'json'],
    ['Application/LD+JSON; charset=utf-8', '', 'json'],
    ['application/x-ndjson', '', 'text'],
    ['application/jsonl', '', 'text'],
    ['text/event-stream', '\0', 'text'],
    ['application/atom+xml', '', 'text'],
    ['image/svg+xml', '', 'text'],
    ['application/javascript', '', 'text'],
    ['image/png', 'a', 'binary'],
    ['application/octet-stream', 'a', 'binary'],
    ['application/vnd.openxmlformats-officedocument', 'a', 'binary'],
    [null, 'a', 'text'],
    [null, 'a\0', 'binary'],
  ]
  for (const [type, first, expected] of cases) {
    assert.equal(bodyKind(type, Buffer.from(first)), expected, `${type}`)
  }
})

test('validatorOf accepts strong validators only', () => {
  const date = 'Sun, 22 Nov 2026 10:00:00 GMT'
  const cases: [fields: Record<string, string>, expected: string | null][] = [
    [{}, null],
    [{ etag: '"a"' }, '"a"'],
    [{ etag: 'W/"a"' }, null],
    [{ etag: '"a"', 'accept-ranges': 'none' }, null],
    [{ etag: '"a"', 'content-encoding': 'gzip' }, null],
    [{ 'last-modified': 'Sun, 22 Nov 2026 09:59:00 GMT', date }, 'Sun, 22 Nov 2026 09:59:00 GMT'],
    [{ 'last-modified': 'Sun, 22 Nov 2026 09:59:01 GMT', date }, null],
    [{ 'last-modified': 'Sun, 22 Nov 2026 09:00:00 GMT' }, null],
    [{ etag: 'W/"a"', 'last-modified': 'Sun, 22 Nov 2020 09:00:00 GMT', date }, null],
  ]
  for (const [fields, expected] of cases) {
    assert.equal(validatorOf(new Headers(fields)), expected, JSON.stringify(fields))
  }
})

test('Content-Range is parsed', () => {
  const headersWith = (value: string) => new Headers({ 'content-range': value })
  assert.deepEqual(contentRange(headersWith('bytes 5-9/10')), { start: 5, total: 10 })
  assert.deepEqual(contentRange(headersWith('bytes 5-9/*')), { start: 5, total: null })
  for (const invalid of ['bytes */10', 'items 5-9/10', 'bytes 5-9', '5-9/10']) {
    assert.equal(contentRange(headersWith(invalid)), null, invalid)
  }
  assert.equal(contentRange(new Headers()), null)
  assert.equal(unsatisfiedTotal(headersWith('bytes */10')), 10)
  assert.equal(unsatisfiedTotal(headersWith('bytes 5-9/10')), null)
})

test('wrapText breaks lines between words', () => {
  assert.equal(wrapText('one two three', 7, 2), 'one two\n  three')
  assert.equal(wrapText('a verylongword b', 6, 1), 'a\n verylongword\n b')
  assert.equal(wrapText('', 5, 1), '')
})

test('hintFor', () => {
  const connectError = (code: string, phase: 'tcp' | 'tls' = 'tcp', message = '') =>
    new ConnectError('x', { phase, cause: Object.assign(new Error(message), { code }) })
  const cases: [error: unknown, hint: RegExp | null][] = [
    [connectError('EAI_AGAIN'), /DNS server/],
    [connectError('ENOTFOUND'), /host name does not exist/],
    [connectError('CERT_HAS_EXPIRED', 'tls'), /has expired/],
    [connectError('ERR_TLS_CERT_ALTNAME_INVALID', 'tls'), /another host/],
    [connectError('X', 'tls', 'unable to verify the first certificate'), /SSL_CERT_FILE/],
    [new ProxyError('x', { status: 407 }), /user:password/],
    [new ConnectError('x'), null],
    ['a string', null],
  ]
  for (const [error, hint] of cases) {
    const actual = hintFor(error)
    if (hint === null) assert.equal(actual, null)
    else assert.match(actual ?? '', hint)
  }
})

describe('ProgressBar', () => {
  async function bar(columns: number, total: number | null) {
    let now = 0
    const clock = { ...selectBackend('auto').clock, now: () => now }
    const io = { stderr: new PassThrough(), stderrIsTerminal: false, columns, clock }
    const progress = new ProgressBar(io, plain, formatBytes)
    await progress.start(total, 1000)
    return {
      at(ms: number, done: number): string {
        now = ms
        progress.update(done)
        return progress.line()
      },
    }
  }

  test('shows progress, rate and remaining time', async () => {
    const { at } = await bar(80, 11_000)
    assert.equal(at(0, 1000), '  9% ━━─────────────────────────  1.00 kB of 11.0 kB')
    assert.equal(
      at(1000, 6000),
      ' 54% ━━━━━━━━━━━━━━━────────────  6.00 kB of 11.0 kB    5.00 kB/s  1 s left',
    )
  })

  test('computes the rate of the last seconds', async () => {
    const { at } = await bar(80, 1_000_000)
    for (let second = 1; second <= 10; second++) at(second * 1000, 1000 + second * 100)
    for (let second = 11; second <= 15; second++) at(second * 1000, second * 10_000)
    assert.match(at(15_000, 150_000), / 10\.0 kB\/s /)
  })

  test('omits the bar on a narrow terminal or without a total', async () => {
    assert.equal((await bar(40, 11_000)).at(0, 1000), '  9% 1.00 kB of 11.0 kB')
    assert.equal((await bar(80, null)).at(1000, 6000), '6.00 kB  5.00 kB/s')
  })
})

describe('an output with a late write error', () => {
  const failing = (code: string) =>
    new Output(
      new Writable({
        write: (_chunk, _encoding, done) => {
          setImmediate(done, Object.assign(new Error(code), { code }))
        },
      }),
      new AbortController().signal,
    )

  test('rejects flush and later writes', async () => {
    const output = failing('ENOSPC')
    await output.write('a')
    await assert.rejects(output.flush(), /Could not write the output: the disk is full/)
    await assert.rejects(output.write('b'), /the disk is full/)
    output.writeMessage('c')
  })

  test('rejects with OutputClosed after EPIPE', async () => {
    const output = failing('EPIPE')
    await output.write('a')
    await assert.rejects(output.flush(), OutputClosed)
  })
})
