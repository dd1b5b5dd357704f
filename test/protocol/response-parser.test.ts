import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Headers } from '../../src/models/headers.ts'
import { window } from '../../src/protocol/llhttp.ts'
import type { ResponseHead } from '../../src/protocol/response-head.ts'
import { ResponseParser } from '../../src/protocol/response-parser.ts'
import { ParserDriver } from '../wire/parser-driver.ts'

const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const counted = bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
const chunked = bytesOf(
  'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '1\r\nh\r\n4;x=y\r\nello\r\n0\r\nA: b\r\n\r\n',
)
const untilClose = bytesOf('HTTP/1.1 200 OK\r\n\r\nhello')
const tunnel = bytesOf(
  'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\nhello',
)
const faulty = bytesOf('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\nX')

/** Stops the parser in the nth call of a sink method. */
class StoppingDriver extends ParserDriver {
  calls = 0
  readonly #stopAt: number

  constructor(method: string, stopAt: number, usesOwnBuffer: boolean) {
    super(method, usesOwnBuffer)
    this.#stopAt = stopAt
  }

  override onInformational(head: ResponseHead): void {
    this.#count()
    super.onInformational(head)
  }

  override onHead(head: ResponseHead): void {
    this.#count()
    super.onHead(head)
  }

  override onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    this.#count()
    super.onTunnel(head, source, start, end)
  }

  override onBody(source: Buffer, start: number, end: number): void {
    this.#count()
    super.onBody(source, start, end)
  }

  override onComplete(trailers: Headers): void {
    this.#count()
    super.onComplete(trailers)
  }

  override onFault(fault: string): void {
    this.#count()
    super.onFault(fault)
  }

  #count(): void {
    if (++this.calls === this.#stopAt) this.parser.stop()
    assert.ok(this.#stopAt === 0 || this.calls <= this.#stopAt, 'a call after stop')
  }
}

for (const [name, bytes] of Object.entries({ counted, chunked, untilClose, tunnel, faulty })) {
  test(`after stop in any call, nothing more is delivered: ${name}`, () => {
    for (const usesOwnBuffer of [false, true]) {
      for (const size of [1, 50, bytes.length]) {
        const { calls } = new StoppingDriver('GET', 0, usesOwnBuffer)
          .readPieces(bytes, size)
          .finish()
        assert.ok(calls >= 2)
        for (let at = 1; at <= calls; at++) {
          const driver = new StoppingDriver('GET', at, usesOwnBuffer)
            .readPieces(bytes, size)
            .finish()
          assert.equal(driver.calls, at)
          assert.equal(driver.parser.expecting, 'nothing')
        }
      }
    }
  })
}

test('while no response is expected, bytes are surplus and the end has no effect', () => {
  const driver = new ParserDriver('GET')
  driver.parser.stop()
  driver.read(counted).finish()
  assert.equal(driver.describe(), 'open')
  assert.equal(driver.parser.surplus, counted.length)
})

test('the body bytes of one read are delivered in one call, however they are chunked', () => {
  const runs: string[] = []
  const parser = new ResponseParser({
    onInformational() {},
    onHead() {},
    onTunnel() {},
    onBody: (source, start, end) => runs.push(source.latin1Slice(start, end)),
    onComplete() {},
    onFault: assert.fail,
  })
  parser.expect('GET')
  const read = (text: string) => {
    parser.target.set(bytesOf(text))
    parser.read(text.length)
  }
  read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n3\r\nd')
  read('ef\r\n00001\r\ng\r\n')
  read('1')
  read('\r\nh\r\n0\r\nA: b\r\n\r\n')
  assert.deepEqual(runs, ['abcd', 'efg', 'h'])
  assert.equal(parser.expecting, 'nothing')
})

test('body bytes are delivered in the window, without a copy', () => {
  const parser = new ResponseParser({
    onInformational() {},
    onHead() {},
    onTunnel() {},
    onBody: (source) => assert.equal(source, window),
    onComplete() {},
    onFault: assert.fail,
  })
  for (const bytes of [counted, chunked, untilClose]) {
    parser.expect('GET')
    for (const byte of bytes) {
      parser.target[0] = byte
      parser.read(1)
    }
  }
})

test('the missing length of a body is known after the head', () => {
  const driver = new ParserDriver('GET')
  const { parser } = driver
  assert.ok(Number.isNaN(parser.remaining))
  driver.read(counted.subarray(0, -4))
  assert.deepEqual([parser.expecting, parser.remaining], ['counted', 4])
  parser.take(bytesOf('--el--'), 2, 4)
  assert.deepEqual([driver.body, parser.remaining], ['hel', 2])
  parser.take(bytesOf('--lo12'), 2, 6)
  assert.deepEqual(
    [driver.describe().split('\n').slice(-3), parser.remaining],
    [['body: hello', 'persistent', 'surplus: 2'], 0],
  )

  driver.expectNext('GET').read(chunked.subarray(0, -10))
  assert.equal(parser.expecting, 'chunks')
  assert.ok(Number.isNaN(parser.remaining))
  driver.expectNext('GET').read(untilClose)
  assert.equal(parser.expecting, 'until-close')
  assert.ok(parser.untilClose && Number.isNaN(parser.remaining))
})

test('25 a length near 2^53 is counted without rounding', () => {
  const driver = new ParserDriver('GET', true)
  driver.read(bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 53 - 1}\r\n\r\nx`))
  assert.equal(driver.parser.remaining, 2 ** 53 - 2)
  driver.read(bytesOf('yz'))
  assert.equal(driver.parser.remaining, 2 ** 53 - 4)
})

test('a Keep-Alive field is noticed wherever reads split it, and only in its own head', () => {
  const hint = bytesOf(
    'HTTP/1.1 200 OK\r\nEmpty:\r\nkEEP-aLIVE: timeout=5\r\nContent-Length: 0\r\n\r\n',
  )
  const driver = new ParserDriver('GET')
  for (let at = 1; at < hint.length; at++) {
    driver.expectNext('GET').read(hint.subarray(0, at)).read(hint.subarray(at))
    assert.equal(driver.parser.mayHintKeepAlive, true, `cut at ${at}`)
    driver.expectNext('GET').read(counted)
    assert.equal(driver.parser.mayHintKeepAlive, false)
  }
})

test('S16 Set-Cookie and Content-Encoding are noticed without decoding, wherever reads split them', () => {
  const fields: [line: string, setCookie: boolean, contentEncoding: boolean][] = [
    ['Set-Cookie: a=b', true, false],
    ['sET-cOOKIE:', true, false],
    ['Content-Encoding: gzip', false, true],
    ['cONTENT-eNCODING:', false, true],
    ['X: a\r\n b\r\nset-cookie: a=b', true, false], // an obs-fold: the head is parsed again
    ['Content-Length: 0\r\ncontent-encoding: br', false, true], // so is a repeated length
    ['Server: nginx\r\nContent-Type: text/plain\r\nETag: "a"', false, false],
  ]
  for (const [lines, setCookie, contentEncoding] of fields) {
    const bytes = bytesOf(`HTTP/1.1 200 OK\r\n${lines}\r\nContent-Length: 0\r\n\r\n`)
    for (let at = 1; at < bytes.length; at++) {
      let head: ResponseHead | null = null
      const driver = new (class extends ParserDriver {
        override onHead(given: ResponseHead): void {
          head = given
          super.onHead(given)
        }
      })('GET')
      driver.read(bytes.subarray(0, at)).read(bytes.subarray(at))
      const { mayHaveSetCookie, mayHaveContentEncoding } = head as unknown as ResponseHead
      assert.deepEqual([mayHaveSetCookie, mayHaveContentEncoding], [setCookie, contentEncoding])
    }
  }
})

test('heads are decoded lazily, and do not change when the window is reused', () => {
  const heads: ResponseHead[] = []
  const driver = new (class extends ParserDriver {
    override onHead(head: ResponseHead): void {
      heads.push(head)
    }
    override onBody(): void {}
    override onComplete(): void {}
  })('GET')
  for (let i = 0; i < 3; i++) {
    driver
      .expectNext('GET')
      .read(bytesOf(`HTTP/1.1 20${i} R${i}\r\nX-${i}: ${i}\r\nContent-Length: 0\r\n\r\n`))
  }
  assert.deepEqual(
    heads.map(({ status, statusText, headers }) => [status, statusText, headers.flat()[1]]),
    [
      [200, 'R0', '0'],
      [201, 'R1', '1'],
      [202, 'R2', '2'],
    ],
  )
})
