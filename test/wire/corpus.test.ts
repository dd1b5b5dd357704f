// Feeds every response of the corpus to the parser, split by reads in many ways. No way may change
// the outcome.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case } from './corpus.ts'
import { readCorpus } from './corpus.ts'
import { ParserDriver } from './parser-driver.ts'

/** A response that follows without a request. */
const SECOND_RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\nX: surplus\r\n\r\n')

/** The reads of another connection, which use everything that parsers share. */
const OTHER_CONNECTION = {
  bytes: Buffer.from(
    'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.0 200 Other\r\nX-Other: 1\r\n folded\r\n' +
      'Content-Length: 3\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc',
  ),
  expected: `103 Early Hints
  Link: <x>
200 Other (HTTP/1.0)
  X-Other: 1   folded
  Content-Length: 3
  Content-Length: 3
  Connection: keep-alive
body: abc
persistent`,
}

for (const one of readCorpus()) {
  test(one.name, () => {
    const { method, bytes, expected } = one
    assert.equal(new ParserDriver(method).read(bytes).finish().describe(), expected, 'whole')
    for (const usesOwnBuffer of [false, true]) {
      const driver = () => new ParserDriver(method, usesOwnBuffer)
      const how = usesOwnBuffer ? ', body in its own buffer' : ''
      for (let at = 1; at < bytes.length; at++) {
        const split = driver().read(bytes.subarray(0, at)).read(bytes.subarray(at)).finish()
        assert.equal(split.describe(), expected, `split at ${at}${how}`)
      }
      for (const size of [1, 2, 3]) {
        assert.equal(
          driver().readPieces(bytes, size).finish().describe(),
          expected,
          `in pieces of ${size}${how}`,
        )
      }
      assert.equal(interleaved(driver(), bytes).finish().describe(), expected, `interleaved${how}`)
    }
    testSurplus(one)
    testEarlyEnds(one)
  })
}

/** Feeds single bytes, alternating with those of another connection. */
function interleaved(driver: ParserDriver, bytes: Buffer): ParserDriver {
  let other = new ParserDriver('GET')
  let next = 0
  for (const byte of bytes) {
    driver.read(Buffer.of(byte))
    other.read(OTHER_CONNECTION.bytes.subarray(next, next + 1))
    if (++next < OTHER_CONNECTION.bytes.length) continue
    assert.equal(other.describe(), OTHER_CONNECTION.expected, 'the other connection')
    other = new ParserDriver('GET')
    next = 0
  }
  return driver
}

/** Bytes after a complete message are counted as surplus, and never parsed. */
function testSurplus({ method, bytes, expected }: Case): void {
  const whole = new ParserDriver(method).read(bytes)
  if (whole.end !== 'complete') return
  const before = whole.parser.surplus
  const surplus = `surplus: ${before + SECOND_RESPONSE.length}`
  const all = before > 0 ? expected.replace(/surplus: \d+$/, surplus) : `${expected}\n${surplus}`
  const longer = Buffer.concat([bytes, SECOND_RESPONSE])
  for (const usesOwnBuffer of [false, true]) {
    for (let at = 1; at <= longer.length; at++) {
      const driver = new ParserDriver(method, usesOwnBuffer)
      driver.read(longer.subarray(0, at)).read(longer.subarray(at)).finish()
      assert.equal(driver.describe(), all, `with surplus, split at ${at}`)
    }
    assert.equal(
      new ParserDriver(method, usesOwnBuffer).readPieces(longer).describe(),
      all,
      'with surplus',
    )
  }
}

/** The peer closes after every byte. Too early, this is a fault, and earlier data is delivered. */
function testEarlyEnds({ method, bytes, expected }: Case): void {
  const whole = new ParserDriver(method).read(bytes).finish()
  for (let length = 0; length < bytes.length; length++) {
    for (const size of [bytes.length, 1]) {
      const driver = new ParserDriver(method).readPieces(bytes.subarray(0, length), size).finish()
      const at = `ended after ${length} bytes`
      assert.deepEqual(driver.heads, whole.heads.slice(0, driver.heads.length), at)
      assert.ok(whole.body.startsWith(driver.body), at)
      if (whole.end === 'complete' && length >= bytes.length - whole.parser.surplus) {
        assert.equal(
          driver.describe().replace(/\nsurplus.*/, ''),
          expected.replace(/\nsurplus.*/, ''),
        )
      } else if (whole.end === 'until close' && length >= bytes.length - whole.body.length) {
        assert.equal(driver.end, 'until close', at)
        assert.equal(driver.body.length, length - (bytes.length - whole.body.length), at)
      } else if (whole.end === 'tunnel' && length >= bytes.length - whole.firstBytes.length) {
        assert.equal(driver.end, 'tunnel', at)
      } else {
        assert.equal(driver.end, 'fault', at)
        if (driver.fault === whole.fault) continue
        assert.match(
          driver.fault,
          length === 0 ? /ended without a response$/ : /^the connection ended /,
        )
      }
    }
  }
}
