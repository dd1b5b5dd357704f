import assert from 'node:assert/strict'
import type { Headers } from '../../src/models/headers.ts'
import { window } from '../../src/protocol/llhttp.ts'
import type { ResponseHead } from '../../src/protocol/response-head.ts'
import type { MessageSink } from '../../src/protocol/response-parser.ts'
import { ResponseParser } from '../../src/protocol/response-parser.ts'

/** Overwrites bytes that the parser must not use any more. */
const GARBAGE = 0x23

export type End = 'open' | 'complete' | 'until close' | 'tunnel' | 'fault'

/**
 * Feeds a parser as a connection does, and records the outcome. Overwrites all borrowed bytes, as
 * reads of other connections overwrite the shared window.
 */
export class ParserDriver implements MessageSink {
  readonly parser = new ResponseParser(this)
  /** The heads in order, including 1xx, as text. */
  readonly heads: string[] = []
  body = ''
  trailers: string[] = []
  end: End = 'open'
  fault = ''
  /** The bytes after the head of a tunnel. */
  firstBytes = ''
  /** Whether bodies that need no parsing are read into a separate buffer instead of the window. */
  readonly #usesOwnBuffer: boolean
  #hasHead = false
  #peerClosed = false

  constructor(method: string, usesOwnBuffer = false) {
    this.#usesOwnBuffer = usesOwnBuffer
    this.parser.expect(method)
  }

  /** Expects the next message on the same connection. */
  expectNext(method: string): this {
    this.heads.length = 0
    this.body = this.fault = this.firstBytes = ''
    this.trailers = []
    this.end = 'open'
    this.#hasHead = this.#peerClosed = false
    this.parser.expect(method)
    return this
  }

  /** Feeds bytes in one read, or in several if the target is too short. */
  read(bytes: Buffer): this {
    const { parser } = this
    for (let at = 0; at < bytes.length; ) {
      const { expecting } = parser
      if (this.end === 'tunnel') {
        this.firstBytes += bytes.latin1Slice(at)
        return this
      }
      if (this.#usesOwnBuffer && (expecting === 'counted' || expecting === 'until-close')) {
        const source = Buffer.from(bytes.subarray(at))
        parser.take(source, 0, source.length)
        source.fill(GARBAGE)
        return this
      }
      const { target } = parser
      assert.ok(target.length >= 65_536, 'the target is too short')
      const piece = bytes.subarray(at, at + target.length)
      target.set(piece)
      parser.read(piece.length)
      window.fill(GARBAGE, 0, Math.max(4096, 2 * piece.length))
      at += piece.length
    }
    return this
  }

  /** Feeds bytes in pieces of `size`. */
  readPieces(bytes: Buffer, size = 1): this {
    for (let at = 0; at < bytes.length; at += size) this.read(bytes.subarray(at, at + size))
    return this
  }

  /** The peer closes the connection. */
  finish(): this {
    this.#peerClosed = true
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
    assert.equal(this.end, 'open', 'a body after the end')
    assert.ok(this.#hasHead, 'a body without a head')
    assert.ok(start <= end && end <= source.length, `a body from ${start} to ${end}`)
    this.body += source.latin1Slice(start, end)
    source.fill(GARBAGE, start, end) // borrowed: the reader itself may overwrite it
  }

  onComplete(trailers: Headers): void {
    assert.ok(this.#hasHead, 'an end without a head')
    this.trailers = fieldsOf(trailers)
    this.#end(this.#peerClosed ? 'until close' : 'complete')
    assert.equal(this.parser.untilClose, this.#peerClosed)
  }

  onFault(fault: string): void {
    this.fault = fault
    this.#end('fault')
  }

  #addHead(head: ResponseHead): void {
    assert.equal(this.end, 'open', 'a head after the end')
    assert.ok(!this.#hasHead, 'two final heads')
    const { status, statusText, httpVersion, headers } = head
    assert.ok(head.mayHaveSetCookie || !headers.has('set-cookie'), 'Set-Cookie was missed')
    const isCoded = headers.has('content-encoding')
    assert.ok(head.mayHaveContentEncoding || !isCoded, 'Content-Encoding was missed')
    const version = httpVersion === '1.1' ? '' : ` (HTTP/${httpVersion})`
    const reason = statusText === '' ? '' : ` ${escaped(statusText)}`
    this.heads.push([`${status}${reason}${version}`, ...fieldsOf(headers)].join('\n'))
  }

  #end(end: End): void {
    assert.equal(this.end, 'open', 'two ends')
    this.end = end
  }

  /** The outcome, in the notation of the corpus. */
  describe(): string {
    const lines = [...this.heads]
    if (this.body !== '') lines.push(`body: ${escaped(this.body)}`)
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
        lines.push(`tunnel: ${escaped(this.firstBytes)}`.trimEnd())
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
  return [...headers].map(([name, value]) => `  ${name}: ${escaped(value)}`.trimEnd())
}

/** Escapes control characters, obs-text, and spaces at the ends. */
function escaped(text: string): string {
  return text.replaceAll(/[^ -~]|^ | $/g, (char) => {
    const known = { '\r': '\\r', '\n': '\\n', '\t': '\\t' }[char]
    return known ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
