import assert from 'node:assert/strict'
import type { Headers } from '../../src/models/headers.ts'
import { window } from '../../src/protocol/llhttp.ts'
import type { ResponseHead } from '../../src/protocol/response-head.ts'
import type { MessageSink } from '../../src/protocol/response-parser.ts'
import { ResponseParser } from '../../src/protocol/response-parser.ts'

const GARBAGE = 0x23

export type End = 'open' | 'complete' | 'until close' | 'tunnel' | 'fault'

/**
 * One connection's parser, fed as the connection feeds it. Like the next connection's bytes in the
 * shared window, garbage overwrites whatever was only borrowed.
 */
export class Play implements MessageSink {
  readonly parser = new ResponseParser(this)
  /** The heads in their order, 1xx among them, as text. */
  readonly heads: string[] = []
  body = ''
  trailers: string[] = []
  end: End = 'open'
  fault = ''
  /** What came behind the head of a tunnel. */
  firstBytes = ''
  /** Bodies of known length go to buffers of their own. */
  readonly #aside: boolean
  #hasHead = false
  #closed = false

  constructor(method: string, aside = false) {
    this.#aside = aside
    this.parser.expect(method)
  }

  /** The next message on the same connection. */
  again(method: string): this {
    this.heads.length = 0
    this.body = this.fault = this.firstBytes = ''
    this.trailers = []
    this.end = 'open'
    this.#hasHead = this.#closed = false
    this.parser.expect(method)
    return this
  }

  /** One read, or as many as the parser has room for. */
  read(bytes: Buffer): this {
    const { parser } = this
    for (let at = 0; at < bytes.length; ) {
      const { expecting } = parser
      if (this.end === 'tunnel') {
        this.firstBytes += bytes.latin1Slice(at)
        return this
      }
      if (this.#aside && (expecting === 'counted' || expecting === 'until-close')) {
        const source = Buffer.from(bytes.subarray(at))
        parser.take(source, 0, source.length)
        source.fill(GARBAGE)
        return this
      }
      const { target } = parser
      assert.ok(target.length >= 65_536, 'no room for a whole read')
      const piece = bytes.subarray(at, at + target.length)
      target.set(piece)
      parser.read(piece.length)
      window.fill(GARBAGE, 0, Math.max(4096, 2 * piece.length))
      at += piece.length
    }
    return this
  }

  /** In pieces of one size. */
  drip(bytes: Buffer, size = 1): this {
    for (let at = 0; at < bytes.length; at += size) this.read(bytes.subarray(at, at + size))
    return this
  }

  /** The peer closes. */
  finish(): this {
    this.#closed = true
    this.parser.end()
    return this
  }

  onInformational(head: ResponseHead): void {
    this.#addHead(head)
  }

  onHead(head: ResponseHead): void {
    this.#addHead(head)
    this.#hasHead = true
  }

  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    this.#addHead(head)
    this.firstBytes = source.latin1Slice(start, end)
    this.#end('tunnel')
  }

  onBody(source: Buffer, start: number, end: number): void {
    assert.equal(this.end, 'open', 'a body behind the end')
    assert.ok(this.#hasHead, 'a body without a head')
    assert.ok(start <= end && end <= source.length, `a body from ${start} to ${end}`)
    this.body += source.latin1Slice(start, end)
    source.fill(GARBAGE, start, end) // it is borrowed: even the reader itself may write there
  }

  onComplete(trailers: Headers): void {
    assert.ok(this.#hasHead, 'an end without a head')
    this.trailers = fieldsOf(trailers)
    this.#end(this.#closed ? 'until close' : 'complete')
    assert.equal(this.parser.untilClose, this.#closed)
  }

  onFault(fault: string): void {
    this.fault = fault
    this.#end('fault')
  }

  #addHead(head: ResponseHead): void {
    assert.equal(this.end, 'open', 'a head behind the end')
    assert.ok(!this.#hasHead, 'two final heads')
    const { status, statusText, httpVersion, headers } = head
    const version = httpVersion === '1.1' ? '' : ` (HTTP/${httpVersion})`
    const reason = statusText === '' ? '' : ` ${shown(statusText)}`
    this.heads.push([`${status}${reason}${version}`, ...fieldsOf(headers)].join('\n'))
  }

  #end(end: End): void {
    assert.equal(this.end, 'open', 'two ends')
    this.end = end
  }

  /** All that a reader of the connection can know, in the corpus's notation. */
  describe(): string {
    const lines = [...this.heads]
    if (this.body !== '') lines.push(`body: ${shown(this.body)}`)
    if (this.trailers.length > 0) lines.push('trailers:', ...this.trailers)
    switch (this.end) {
      case 'complete':
        lines.push(this.parser.persistent ? 'persistent' : 'close')
        if (this.parser.surplus > 0) lines.push(`surplus: ${this.parser.surplus}`)
        break
      case 'until close':
        assert.equal(this.parser.persistent, false)
        lines.push('until close')
        break
      case 'tunnel':
        lines.push(`tunnel: ${shown(this.firstBytes)}`.trimEnd())
        break
      case 'fault':
        lines.push(`fault: ${this.fault}`)
        break
      default:
        lines.push('open')
    }
    return lines.join('\n')
  }
}

function fieldsOf(headers: Headers): string[] {
  return [...headers].map(([name, value]) => `  ${name}: ${shown(value)}`.trimEnd())
}

/** Control characters, obs-text and blanks at the ends as escapes. */
function shown(text: string): string {
  return text.replaceAll(/[^ -~]|^ | $/g, (char) => {
    const known = { '\r': '\\r', '\n': '\\n', '\t': '\\t' }[char]
    return known ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
