// Several messages on one connection: no message affects the next.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCorpus } from './corpus.ts'
import { ParserDriver } from './parser-driver.ts'

const corpus = readCorpus()
const complete = corpus.filter(({ expected }) => /\n(persistent|close)$/.test(expected))

for (const [how, size] of [
  ['whole', Number.POSITIVE_INFINITY],
  ['byte by byte', 1],
  ['in pieces', 7],
] as const) {
  for (const [order, cases] of [
    ['in order', complete],
    ['in reverse', complete.toReversed()],
    ['each twice', complete.flatMap((one) => [one, one])],
  ] as const) {
    test(`every complete response on one connection, ${how}, ${order}`, () => {
      const driver = new ParserDriver('GET')
      for (const { name, method, bytes, expected } of cases) {
        driver.expectNext(method).readPieces(bytes, Math.min(size, bytes.length))
        assert.equal(driver.describe(), expected, name)
      }
    })
  }
}

test('24 surplus is counted separately for each message', () => {
  const driver = new ParserDriver('GET')
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz')
  for (let i = 0; i < 3; i++) {
    assert.match(driver.expectNext('GET').read(bytes).describe(), /surplus: 2$/)
  }
  driver.read(Buffer.from('more'))
  assert.equal(driver.parser.surplus, 6)
  driver.expectNext('GET').read(Buffer.from('HTTP/1.1 200 OK\r\n\r\nxyz')).finish()
  assert.equal(driver.parser.surplus, 0)
})

test('a head that was made parsable does not delay the next one', () => {
  const driver = new ParserDriver('GET')
  driver.read(Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'))
  driver.expectNext('GET').read(Buffer.from('HTTP/1.1 2x'))
  assert.equal(driver.describe(), 'fault: its status code is not three digits')
})

test('a parser can be used again after a fault', () => {
  const good = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
  for (const { name, method, bytes, expected } of corpus) {
    if (!/^fault: /m.test(expected)) continue
    const driver = new ParserDriver(method).readPieces(bytes, 5).finish()
    assert.match(driver.expectNext('GET').read(good).describe(), /\nbody: x\npersistent$/, name)
  }
})
