import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import { readCorpus } from '../wire/corpus.ts'

const PIECES = [
  ...'\r\n\t \0,;:"=05xH\x7f\x80\xff',
  '\r\n',
  '\r\n\r\n',
  '\r\n ',
  '\n\n',
  '\rx ',
  '\rx\t',
  '\r\r',
  ', 5',
  'close',
  'chunked',
  'gzip, chunked',
  '00000000000000001',
  'ffffffffffffffff',
  '9007199254740993',
  '0\r\n\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Keep-Alive: timeout=1\r\n',
  'Upgrade: x\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
]

const KINDS = [
  'insert a piece',
  'insert a byte',
  'replace a byte',
  'remove some bytes',
  'truncate',
  'copy a line',
  'insert a line of another response',
  'remove a line',
  'repeat a line',
  'repeat some bytes',
  'change a number',
  'change case',
  'continue with another response',
  'append another response',
] as const

interface Mutation {
  readonly kind: (typeof KINDS)[number]
  /** Position, choice and amount. Each is taken modulo the number of possibilities. */
  readonly at: number
  readonly what: number
  readonly size: number
}

/** A response as a broken or hostile server may send it. */
export interface MutatedResponse {
  /** The method of the request. */
  readonly method: string
  /** Latin1. */
  readonly text: string
}

const seeds = readCorpus().map(({ method, bytes }) => ({ method, text: bytes.latin1Slice() }))

/** Responses of the wire corpus with random changes of their structure and bytes. */
export const mutatedResponse: Arbitrary<MutatedResponse> = fc
  .record({
    seed: fc.nat(seeds.length - 1),
    method: fc.option(fc.constantFrom('GET', 'HEAD', 'CONNECT', 'POST'), { freq: 5 }),
    mutations: fc.array(
      fc.record({
        kind: fc.constantFrom(...KINDS),
        at: fc.nat(0xffff),
        what: fc.nat(0xffff),
        size: fc.nat(24),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ seed, method, mutations }) => {
    const { method: own, text } = seeds[seed]!
    return { method: method ?? own, text: mutations.reduce(mutate, text) }
  })

function mutate(text: string, { kind, at: where, what, size }: Mutation): string {
  const at = where % (text.length + 1)
  const lines = text.split('\r\n')
  const line = where % lines.length
  const other = seeds[what % seeds.length]!.text
  const before = text.slice(0, at)
  const after = text.slice(at)
  switch (kind) {
    case 'insert a piece':
      return before + PIECES[what % PIECES.length] + after
    case 'insert a byte':
      return before + String.fromCharCode(what % 256) + after
    case 'replace a byte':
      return before + String.fromCharCode(what % 256) + after.slice(1)
    case 'remove some bytes':
      return before + after.slice(size)
    case 'truncate':
      return before
    case 'copy a line':
      return lines.toSpliced(what % lines.length, 0, lines[line]!).join('\r\n')
    case 'insert a line of another response': {
      const others = other.split('\r\n')
      return lines.toSpliced(line, 0, others[size % others.length]!).join('\r\n')
    }
    case 'remove a line':
      return lines.toSpliced(line, 1).join('\r\n')
    case 'repeat a line':
      return lines.toSpliced(line, 0, ...new Array(size * size).fill(lines[line]!)).join('\r\n')
    case 'repeat some bytes':
      return before + after.slice(0, 1 + (what % 8)).repeat(1 + size * size) + after
    case 'change a number':
      return text.replaceAll(/\d+/g, (digits, index: number) =>
        index % 7 === what % 7 ? String(Math.max(0, Number(digits) + size - 12)) : digits,
      )
    case 'change case':
      return before + swapCase(after.slice(0, size)) + after.slice(size)
    case 'continue with another response':
      return before + other.slice(Math.floor((at / (text.length + 1)) * other.length))
    case 'append another response':
      return text + other
  }
}

function swapCase(text: string): string {
  return text.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  )
}
