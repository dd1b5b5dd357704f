// The limits on what a server can make a client store or wait for. Hazard 26, CVE-2024-22019.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskContentLength, unfoldLines } from '../../src/protocol/lenient-head.ts'
import {
  MAX_CHUNK_OVERHEAD,
  MAX_HEAD_SIZE,
  MAX_INFORMATIONAL,
} from '../../src/protocol/parse-errors.ts'
import { assertLinear } from '../support/growth.ts'
import { ParserDriver } from '../wire/parser-driver.ts'

const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const EMPTY = 'Content-Length: 0\r\n\r\n'

/** A head of exactly `size` bytes. */
function headOf(size: number, fields = ''): Buffer {
  const frame = `${OK}${fields}A: \r\n${EMPTY}`
  return bytesOf(`${OK}${fields}A: ${'x'.repeat(size - frame.length)}\r\n${EMPTY}`)
}

const READS = [65_536, 16_384, 1000]

test('the limits', () => {
  assert.deepEqual([MAX_HEAD_SIZE, MAX_INFORMATIONAL, MAX_CHUNK_OVERHEAD], [65_536, 100, 65_536])
})

test('26 a head of 61 KB can be read byte by byte', () => {
  const driver = new ParserDriver('GET').readPieces(headOf(61_000))
  assert.equal(driver.end, 'complete')
  assert.equal(driver.heads[0]!.length > 60_900, true)
})

test('26 a folded head of 61 KB can be read byte by byte', () => {
  const driver = new ParserDriver('GET').readPieces(
    headOf(61_000, 'B: c\r\n d\r\nContent-Length: 0\r\n'),
  )
  assert.equal(driver.end, 'complete')
  assert.match(driver.heads[0]!, /^200 OK\n {2}B: c {3}d\n {2}Content-Length: 0\n/)
})

test('26 a head can have up to 64 KiB', () => {
  for (const fields of ['', 'B: c\r\n d\r\n', 'Content-Length: 0\r\n']) {
    for (const size of READS) {
      const good = new ParserDriver('GET').readPieces(headOf(MAX_HEAD_SIZE, fields), size)
      assert.equal(good.end, 'complete', `by ${size}`)
      const bad = new ParserDriver('GET').readPieces(headOf(MAX_HEAD_SIZE + 1, fields), size)
      assert.equal(bad.describe(), 'fault: its head is longer than 65536 bytes', `by ${size}`)
    }
  }
})

test('26 a longer head is refused, however reads split it', () => {
  for (const size of READS) {
    for (const length of [70_000, 100_000, 130_000]) {
      const driver = new ParserDriver('GET').readPieces(headOf(length), size)
      assert.equal(driver.describe(), 'fault: its head is longer than 65536 bytes', `by ${size}`)
    }
  }
})

test('26 the limit applies to each head separately', () => {
  const long = headOf(MAX_HEAD_SIZE)
  const hints = bytesOf(long.latin1Slice().replace('200 OK', '103 OK'))
  const bytes = Buffer.concat([hints, hints, long])
  for (const size of READS) {
    const driver = new ParserDriver('GET').readPieces(bytes, size)
    assert.deepEqual([driver.end, driver.heads.length], ['complete', 3])
  }
})

test('26 a head can have up to 1000 fields', () => {
  for (const line of ['A: b', 'A:', 'A: b\r\n c']) {
    const head = (count: number) => bytesOf(`${OK}${`${line}\r\n`.repeat(count - 1)}${EMPTY}`)
    for (const size of [1, ...READS]) {
      assert.equal(new ParserDriver('GET').readPieces(head(1000), size).end, 'complete', line)
      const { fault } = new ParserDriver('GET').readPieces(head(1001), size)
      assert.equal(fault, 'it has more than 1000 header fields', line)
    }
  }
})

test('26 fields are counted separately for each head and for the trailers', () => {
  const fields = 'A: b\r\n'.repeat(999)
  const bytes = bytesOf(
    `HTTP/1.1 103 A\r\n${fields}\r\n${OK}${fields}Transfer-Encoding: chunked\r\n\r\n0\r\n${fields}\r\n`,
  )
  for (const size of [1, ...READS]) {
    const driver = new ParserDriver('GET').readPieces(bytes, size)
    assert.deepEqual([driver.end, driver.trailers.length], ['complete', 999])
  }
})

test('26 there can be up to 1000 trailers', () => {
  for (const size of [1, ...READS]) {
    const good = new ParserDriver('GET').readPieces(
      bytesOf(`${CHUNKED}0\r\n${'A:\r\n'.repeat(1000)}\r\n`),
      size,
    )
    assert.deepEqual([good.end, good.trailers.length], ['complete', 1000])
    const bad = new ParserDriver('GET').readPieces(
      bytesOf(`${CHUNKED}0\r\n${'A:\r\n'.repeat(1001)}\r\n`),
      size,
    )
    assert.equal(bad.fault, 'it has more than 1000 header fields')
  }
})

test('26 trailers can have up to 64 KiB', () => {
  // The body is long, because the size of the framing is limited in proportion to it.
  const trailers = (size: number) =>
    bytesOf(`${CHUNKED}2000\r\n${'x'.repeat(8192)}\r\n0\r\nA: ${'b'.repeat(size - 7)}\r\n\r\n`)
  for (const size of READS) {
    assert.equal(new ParserDriver('GET').readPieces(trailers(MAX_HEAD_SIZE), size).end, 'complete')
    const { fault } = new ParserDriver('GET').readPieces(trailers(MAX_HEAD_SIZE + 1), size)
    assert.equal(fault, 'its trailer section is longer than 65536 bytes')
  }
})

test('S3, 26 up to 100 informational responses are accepted', () => {
  const hints = (count: number) => bytesOf('HTTP/1.1 103 A\r\n\r\n'.repeat(count) + OK + EMPTY)
  for (const size of [1, 1000, 65_536]) {
    const driver = new ParserDriver('GET')
    for (let i = 0; i < 3; i++) {
      driver.expectNext('GET').readPieces(hints(MAX_INFORMATIONAL), size)
      assert.deepEqual([driver.end, driver.heads.length], ['complete', 101])
    }
    driver.expectNext('GET').readPieces(hints(MAX_INFORMATIONAL + 1), size)
    assert.equal(driver.fault, 'more than 100 informational responses arrived')
    assert.equal(driver.heads.length, 100)
  }
})

const endless: [name: string, start: string, more: string, fault: RegExp][] = [
  ['empty lines', '', '\r\n', /^its head is longer/],
  ['empty lines after a 100', 'HTTP/1.1 100 A\r\n\r\n', '\r\n', /^its head is longer/],
  ['a reason', OK.slice(0, -2), 'K', /^its head is longer/],
  ['a name', OK, 'a', /^its head is longer/],
  ['a value', `${OK}A: `, 'b', /^its head is longer/],
  ['white space', `${OK}A:`, ' ', /^its head is longer/],
  ['folds', `${OK}A: b`, '\r\n c', /^its head is longer/],
  ['repeated values', `${OK}Content-Length: 5`, ', 5', /^its head is longer/],
  ['repeated fields', OK, 'Content-Length: 5\r\n', /^(its head is longer|it has more than 1000)/],
  ['informational responses', '', 'HTTP/1.1 100 A\r\n\r\n', /^more than 100 info/],
  ['a chunk extension', `${CHUNKED}5;`, 'a', /^its chunk framing and trailers exceed 65536/],
  ['a quoted extension', `${CHUNKED}5;a="`, 'a', /^its chunk framing/],
  ['zeros before a chunk size', CHUNKED, '0', /^its chunk framing/],
  ['extensions of small chunks', CHUNKED, `1;${'a'.repeat(90)}\r\nx\r\n`, /^its chunk framing/],
  ['a trailer', `${CHUNKED}0\r\nA: `, 'b', /^its (chunk framing|trailer section)/],
  ['a trailer name', `${CHUNKED}0\r\n`, 'b', /^its (chunk framing|trailer section)/],
  ['trailers', `${CHUNKED}0\r\n`, `A: ${'b'.repeat(200)}\r\n`, /trailer/],
]
for (const [name, start, more, expected] of endless) {
  test(`26 endless input is refused: ${name}`, () => {
    const piece = bytesOf(more.repeat(Math.ceil(4096 / more.length)))
    for (const size of [16, 4096, 65_536]) {
      const driver = new ParserDriver('GET').read(bytesOf(start))
      const once = size < 4096 ? piece : bytesOf(more.repeat(Math.ceil(size / more.length)))
      let sent = 0
      while (driver.end === 'open' && sent < 1 << 22) {
        driver.readPieces(once, size)
        sent += once.length
      }
      assert.match(driver.fault, expected, `by ${size}`)
      assert.ok(
        sent <= MAX_HEAD_SIZE * (name.includes('small') ? 4 : 2) + 2 * once.length,
        `${sent}`,
      )
    }
  })
}

test('26 a body in chunks of one byte is accepted', () => {
  const bytes = bytesOf(`${CHUNKED}${'1\r\nx\r\n'.repeat(100_000)}0\r\n\r\n`)
  for (const size of [5, 1000, 65_536]) {
    const driver = new ParserDriver('GET').readPieces(bytes, size)
    assert.deepEqual([driver.end, driver.body.length], ['complete', 100_000])
  }
})

test('a chunked body that spans many reads', () => {
  let text = CHUNKED
  let body = ''
  for (let i = 0; i < 200; i++) {
    const length = 1 + ((i * 7919) % 20_000)
    const chunk = String.fromCharCode(97 + (i % 26)).repeat(length)
    body += chunk
    text += `${length.toString(16)}${i % 3 === 0 ? ';a=b' : ''}\r\n${chunk}\r\n`
  }
  const bytes = bytesOf(`${text}0\r\nA: b\r\n\r\n`)
  for (const size of [1009, 16_384, 65_536]) {
    const driver = new ParserDriver('GET').readPieces(bytes, size)
    assert.ok(driver.body === body, `by ${size}`)
    assert.deepEqual([driver.end, driver.trailers], ['complete', ['  A: b']])
  }
})

const filled = (start: string, more: string) => (size: number) =>
  bytesOf(start + more.repeat(Math.ceil(size / more.length)))
const heads: [name: string, make: (size: number) => Buffer][] = [
  ['folds', filled(`${OK}A: b`, '\r\n c')],
  ['empty folds', filled(`${OK}A: b`, '\r\n ')],
  ['white space', filled(`${OK}A: b\r\n`, ' ')],
  ['bare CR', filled(`${OK}A: b`, '\r')],
  ['empty lines', filled(`${OK}A: b`, '\r\n')],
  ['lengths', filled(OK, 'Content-Length: 5\r\n')],
  ['a list of lengths', filled(`${OK}Content-Length: 5`, ',5')],
  ['lists of lengths', filled(OK, 'Content-Length: 5,\r\n')],
  ['similar names', filled(OK, 'Content-Lengthy: 5\r\n')],
]
for (const [name, make] of heads) {
  test(`21 linear time to make a head parsable: ${name}`, () => {
    assertLinear(make, unfoldLines)
    assertLinear(make, maskContentLength)
  })
}

const bodies: [name: string, make: (size: number) => Buffer][] = [
  ['small chunks', filled(CHUNKED, '1\r\nx\r\n')],
  ['small chunks with extensions', filled(CHUNKED, '8;a=b\r\nxxxxxxxx\r\n')],
]
for (const [name, make] of bodies) {
  test(`21 linear time for ${name}`, () => {
    assertLinear(make, (bytes) => new ParserDriver('GET').readPieces(bytes, 65_536))
    assertLinear(make, (bytes) => new ParserDriver('GET').readPieces(bytes, 64))
  })
}
