import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { selectBackend } from '../../src/backends/select.ts'
import { hintFor } from '../../src/command/command-errors.ts'
import { contentRange, unsatisfiedTotal, validatorOf } from '../../src/command/download.ts'
import { prettyJson } from '../../src/command/json-colours.ts'
import { Output, ReaderLeft } from '../../src/command/output.ts'
import { bodyType } from '../../src/command/printing.ts'
import { ProgressBar } from '../../src/command/progress-bar.ts'
import { coloursFor, wrapped } from '../../src/command/terminal.ts'
import { bytesText, clockText, countText, durationText } from '../../src/command/units.ts'
import { ConnectError, ProxyError } from '../../src/errors.ts'
import { Headers } from '../../src/models/headers.ts'
import { assertLinear } from '../support/growth.ts'

const plain = coloursFor(false)

test('figures', () => {
  const cases: [text: string, expected: string][] = [
    [bytesText(0), '0 bytes'],
    [bytesText(1), '1 byte'],
    [bytesText(999), '999 bytes'],
    [bytesText(1000), '1.00 kB'],
    [bytesText(9_996), '10.0 kB'],
    [bytesText(999_499), '999 kB'],
    [bytesText(999_500), '1.00 MB'],
    [bytesText(12_345_678_901), '12.3 GB'],
    [bytesText(5e15), '5000 TB'],
    [durationText(0), '0 µs'],
    [durationText(0.9994), '999 µs'],
    [durationText(0.9996), '1.00 ms'],
    [durationText(999.6), '1.00 s'],
    [durationText(59_949), '59.9 s'],
    [durationText(61_000), '1:01 min'],
    [clockText(0), '0 s'],
    [clockText(59_001), '1:00 min'],
    [clockText(3_600_000), '1:00:00 h'],
    [countText(0), '0'],
    [countText(999), '999'],
    [countText(1_234_567.8), '1,234,568'],
  ]
  for (const [text, expected] of cases) assert.equal(text, expected)
})

describe('JSON', () => {
  const cases: [text: string, shown: string | null][] = [
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
  for (const [text, shown] of cases) {
    test(JSON.stringify(text), () => assert.equal(prettyJson(text, plain), shown))
  }

  test('says the same as it did', () => {
    const text = '{"a":[1,-2.50,{"b":"\\u00e9\\n"},[],null,true],"c":{}}'
    assert.deepEqual(JSON.parse(prettyJson(text, plain)!), JSON.parse(text))
    assert.equal(prettyJson(text, plain)!.replace(/\s/g, ''), text)
  })

  test('21 depth and length cost what they weigh', () => {
    const pretty = (text: string) => prettyJson(text, plain)
    assertLinear((size) => '['.repeat(size / 2) + ']'.repeat(size / 2), pretty)
    assertLinear((size) => `"${'a\\\\'.repeat(size / 3)}"`, pretty)
    assertLinear((size) => `${'['.repeat(90)}1${',1'.repeat(size / 2)}${']'.repeat(90)}`, pretty)
  })

  test('what would be blanks for the most part stays as it is', () => {
    assert.equal(prettyJson('['.repeat(100_000) + ']'.repeat(100_000), plain), null)
  })
})

test('what a body is', () => {
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
    assert.equal(bodyType(type, Buffer.from(first)), expected, `${type}`)
  }
})

test('what a file can be recognised by', () => {
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

test('Content-Range', () => {
  const of = (value: string) => new Headers({ 'content-range': value })
  assert.deepEqual(contentRange(of('bytes 5-9/10')), { start: 5, total: 10 })
  assert.deepEqual(contentRange(of('bytes 5-9/*')), { start: 5, total: null })
  for (const none of ['bytes */10', 'items 5-9/10', 'bytes 5-9', '5-9/10']) {
    assert.equal(contentRange(of(none)), null, none)
  }
  assert.equal(contentRange(new Headers()), null)
  assert.equal(unsatisfiedTotal(of('bytes */10')), 10)
  assert.equal(unsatisfiedTotal(of('bytes 5-9/10')), null)
})

test('lines are broken between words', () => {
  assert.equal(wrapped('one two three', 7, 2), 'one two\n  three')
  assert.equal(wrapped('a verylongword b', 6, 1), 'a\n verylongword\n b')
  assert.equal(wrapped('', 5, 1), '')
})

test('hints', () => {
  const failed = (code: string, phase: 'tcp' | 'tls' = 'tcp', message = '') =>
    new ConnectError('x', { phase, cause: Object.assign(new Error(message), { code }) })
  const cases: [error: unknown, hint: RegExp | null][] = [
    [failed('EAI_AGAIN'), /name server/],
    [failed('ENOTFOUND'), /No such host/],
    [failed('CERT_HAS_EXPIRED', 'tls'), /has expired/],
    [failed('ERR_TLS_CERT_ALTNAME_INVALID', 'tls'), /another host/],
    [failed('X', 'tls', 'unable to verify the first certificate'), /SSL_CERT_FILE/],
    [new ProxyError('x', { status: 407 }), /user:password/],
    [new ConnectError('x'), null],
    ['a string', null],
  ]
  for (const [error, hint] of cases) {
    const found = hintFor(error)
    if (hint === null) assert.equal(found, null)
    else assert.match(found ?? '', hint)
  }
})

describe('the bar', () => {
  async function bar(columns: number, total: number | null) {
    let now = 0
    const clock = { ...selectBackend('auto').clock, now: () => now }
    const look = { stream: new PassThrough(), isTerminal: false, columns, clock, colours: plain }
    const progress = new ProgressBar({ ...look, amount: bytesText })
    await progress.start(total, 1000)
    return {
      at(ms: number, done: number): string {
        now = ms
        progress.update(done)
        return progress.line()
      },
    }
  }

  test('says how far, how fast and how long', async () => {
    const { at } = await bar(80, 11_000)
    assert.equal(at(0, 1000), '  9% ━━─────────────────────────  1.00 kB of 11.0 kB')
    assert.equal(
      at(1000, 6000),
      ' 54% ━━━━━━━━━━━━━━━────────────  6.00 kB of 11.0 kB    5.00 kB/s  1 s left',
    )
  })

  test('the rate is that of the last seconds', async () => {
    const { at } = await bar(80, 1_000_000)
    for (let second = 1; second <= 10; second++) at(second * 1000, 1000 + second * 100)
    for (let second = 11; second <= 15; second++) at(second * 1000, second * 10_000)
    assert.match(at(15_000, 150_000), / 10\.0 kB\/s /)
  })

  test('fits a narrow terminal, and does without a total', async () => {
    assert.equal((await bar(40, 11_000)).at(0, 1000), '  9% 1.00 kB of 11.0 kB')
    assert.equal((await bar(80, null)).at(1000, 6000), '6.00 kB  5.00 kB/s')
  })
})

describe('an output that fails late', () => {
  const failing = (code: string) =>
    new Output(
      new Writable({
        write: (_chunk, _encoding, done) => {
          setImmediate(done, Object.assign(new Error(code), { code }))
        },
      }),
      new AbortController().signal,
    )

  test('is heard of at the end', async () => {
    const output = failing('ENOSPC')
    await output.write('a')
    await assert.rejects(output.flush(), /cannot be written: the disk is full/)
    await assert.rejects(output.write('b'), /the disk is full/)
    output.say('c')
  })

  test('or its reader has left', async () => {
    const output = failing('EPIPE')
    await output.write('a')
    await assert.rejects(output.flush(), ReaderLeft)
  })
})
