// Feeds mutated responses. The parser must not throw or hang, and the outcome must not depend on
// how reads split the bytes. Only the text of a fault may differ, because it describes the first
// fault found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCorpus } from './corpus.ts'
import { ParserDriver } from './parser-driver.ts'

const PIECES = [
  '\r\n',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  ...'\r\n\t \0,;:05xH\x80\xff',
  ', 5',
  'close',
  'chunked',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
]

const corpus = readCorpus()

for (let seed = 1; seed <= 8; seed++) {
  test(`25 mutated responses (seed ${seed})`, () => {
    const random = generator(seed)
    for (let i = 0; i < 400; i++) {
      const { method, bytes } = corpus[random(corpus.length)]!
      const other = corpus[random(corpus.length)]!.bytes
      let text = bytes.latin1Slice()
      for (let times = 1 + random(4); times > 0; times--) {
        text = mutate(text, other.latin1Slice(), random)
      }
      const mutated = Buffer.from(text, 'latin1')
      const outcome = (size: number) =>
        new ParserDriver(method)
          .readPieces(mutated, size)
          .finish()
          .describe()
          .replace(/fault: .*/, 'fault')
      const whole = outcome(mutated.length + 1)
      for (const size of [1, 2 + random(20)]) {
        assert.equal(outcome(size), whole, `${JSON.stringify(text)} by ${size}`)
      }
    }
  })
}

/** Returns pseudo-random integers below `n`; the same sequence for the same seed. */
function generator(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % n
  }
}

function mutate(text: string, other: string, random: (n: number) => number): string {
  const at = random(text.length + 1)
  const lines = text.split('\r\n')
  const line = random(lines.length)
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + PIECES[random(PIECES.length)] + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(3))
    case 2:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1)
    case 3:
      return lines.toSpliced(random(lines.length), 0, lines[line]!).join('\r\n')
    default: {
      const others = other.split('\r\n')
      return lines.toSpliced(line, 0, others[random(others.length)]!).join('\r\n')
    }
  }
}
