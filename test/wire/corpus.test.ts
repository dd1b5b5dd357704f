// Every response of the corpus, in every way that reads can cut it. None may change the outcome.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case } from './corpus.ts'
import { readCorpus } from './corpus.ts'
import { Play } from './play.ts'

const BEHIND = Buffer.from('HTTP/1.1 200 OK\r\nX: of nobody\r\n\r\n')

/** What another connection reads meanwhile: it uses all that the parsers share. */
const other = {
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
    assert.equal(new Play(method).read(bytes).finish().describe(), expected, 'whole')
    for (const aside of [false, true]) {
      const play = () => new Play(method, aside)
      const how = aside ? ', body aside' : ''
      for (let at = 1; at < bytes.length; at++) {
        const split = play().read(bytes.subarray(0, at)).read(bytes.subarray(at)).finish()
        assert.equal(split.describe(), expected, `split at ${at}${how}`)
      }
      for (const size of [1, 2, 3]) {
        assert.equal(play().drip(bytes, size).finish().describe(), expected, `by ${size}${how}`)
      }
      assert.equal(interleaved(play(), bytes).finish().describe(), expected, `interleaved${how}`)
    }
    withBytesBehind(one)
    cutShort(one)
  })
}

/** Byte by byte, in turn with another connection's. */
function interleaved(play: Play, bytes: Buffer): Play {
  let rival = new Play('GET')
  let next = 0
  for (const byte of bytes) {
    play.read(Buffer.of(byte))
    rival.read(other.bytes.subarray(next, next + 1))
    if (++next < other.bytes.length) continue
    assert.equal(rival.describe(), other.expected, 'the other connection')
    rival = new Play('GET')
    next = 0
  }
  return play
}

/** Bytes behind a complete message change nothing but the surplus: they are counted, never parsed. */
function withBytesBehind({ method, bytes, expected }: Case): void {
  const whole = new Play(method).read(bytes)
  if (whole.end !== 'complete') return
  const before = whole.parser.surplus
  const surplus = `surplus: ${before + BEHIND.length}`
  const all = before > 0 ? expected.replace(/surplus: \d+$/, surplus) : `${expected}\n${surplus}`
  const longer = Buffer.concat([bytes, BEHIND])
  for (const aside of [false, true]) {
    for (let at = 1; at <= longer.length; at++) {
      const play = new Play(method, aside)
      play.read(longer.subarray(0, at)).read(longer.subarray(at)).finish()
      assert.equal(play.describe(), all, `with bytes behind it, split at ${at}`)
    }
    assert.equal(new Play(method, aside).drip(longer).describe(), all, 'with bytes behind it')
  }
}

/** The peer closes after every byte: too early it is a fault, with what came before it delivered. */
function cutShort({ method, bytes, expected }: Case): void {
  const whole = new Play(method).read(bytes).finish()
  for (let length = 0; length < bytes.length; length++) {
    for (const size of [bytes.length, 1]) {
      const play = new Play(method).drip(bytes.subarray(0, length), size).finish()
      const at = `ended after ${length} bytes`
      assert.deepEqual(play.heads, whole.heads.slice(0, play.heads.length), at)
      assert.ok(whole.body.startsWith(play.body), at)
      if (whole.end === 'complete' && length >= bytes.length - whole.parser.surplus) {
        assert.equal(
          play.describe().replace(/\nsurplus.*/, ''),
          expected.replace(/\nsurplus.*/, ''),
        )
      } else if (whole.end === 'until close' && length >= bytes.length - whole.body.length) {
        assert.equal(play.end, 'until close', at)
        assert.equal(play.body.length, length - (bytes.length - whole.body.length), at)
      } else if (whole.end === 'tunnel' && length >= bytes.length - whole.firstBytes.length) {
        assert.equal(play.end, 'tunnel', at)
      } else {
        assert.equal(play.end, 'fault', at)
        if (play.fault === whole.fault) continue
        assert.match(
          play.fault,
          length === 0 ? /ended without a response$/ : /^the connection ended /,
        )
      }
    }
  }
}
