// One connection, message after message: nothing of one shows in the next.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCorpus } from './corpus.ts'
import { Play } from './play.ts'

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
      const play = new Play('GET')
      for (const { name, method, bytes, expected } of cases) {
        play.again(method).drip(bytes, Math.min(size, bytes.length))
        assert.equal(play.describe(), expected, name)
      }
    })
  }
}

test('24 surplus is counted anew for each message', () => {
  const play = new Play('GET')
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz')
  for (let i = 0; i < 3; i++) {
    assert.match(play.again('GET').read(bytes).describe(), /surplus: 2$/)
  }
  play.read(Buffer.from('more'))
  assert.equal(play.parser.surplus, 6)
  play.again('GET').read(Buffer.from('HTTP/1.1 200 OK\r\n\r\nxyz')).finish()
  assert.equal(play.parser.surplus, 0)
})

test('a head that had to be mended does not make the next one wait', () => {
  const play = new Play('GET')
  play.read(Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'))
  play.again('GET').read(Buffer.from('HTTP/1.1 2x'))
  assert.equal(play.describe(), 'fault: its status is not three digits')
})

test('a parser that gave up starts anew', () => {
  const good = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
  for (const { name, method, bytes, expected } of corpus) {
    if (!/^fault: /m.test(expected)) continue
    const play = new Play(method).drip(bytes, 5).finish()
    assert.match(play.again('GET').read(good).describe(), /\nbody: x\npersistent$/, name)
  }
})
