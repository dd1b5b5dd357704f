import { Headers } from '../models/headers.ts'
import {
  faultOf,
  INVALID_CONTENT_LENGTH,
  INVALID_HEADER_TOKEN,
  INVALID_START,
  LF_EXPECTED,
  MAX_CHUNK_OVERHEAD,
  MAX_CHUNK_OVERHEAD_RATIO,
  MAX_HEAD_SIZE,
  MAX_INFORMATIONAL,
  UNEXPECTED_CONTENT_LENGTH,
} from './faults.ts'
import * as wasm from './llhttp.ts'
import type { Patch } from './mend.ts'
import { maskContentLength, unfold } from './mend.ts'
import {
  CHUNKED,
  checkRepeatedContentLength,
  FramingFault,
  responseBodyLength,
  TUNNEL,
} from './response-framing.ts'
import { ResponseHead } from './response-head.ts'

/** Receives a response as it is parsed. May call `stop()` in any of its methods. */
export interface MessageSink {
  /** A 1xx response but 101. */
  onInformational(head: ResponseHead): void
  /** The head of a final response. */
  onHead(head: ResponseHead): void
  /** A head after which the connection speaks another protocol: 101, or 2xx to CONNECT. Its first bytes are borrowed. */
  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void
  /** Body bytes, free of framing. `source` is borrowed: its bytes are gone when this returns. */
  onBody(source: Buffer, start: number, end: number): void
  /** The message is complete. */
  onComplete(trailers: Headers): void
  /** What came is not HTTP/1.x, in words. What came before it has been delivered. */
  onFault(fault: string): void
}

/** The states of a message: what the next byte is. */
type Expecting = 'head' | 'chunks' | 'counted' | 'until-close' | 'tunnel' | 'nothing'

const { window, record, WINDOW } = wasm

const NO_PATCHES: readonly Patch[] = []

/** With a base before the window no position of a trailer is 0, which stands for none. */
const BEFORE_WINDOW = WINDOW - 1

/**
 * The responses of one connection, one at a time: bytes in, messages out. Between two reads it keeps
 * what the shared parser and window must not: a copy of the parser's state, and the bytes of an
 * unfinished head or trailer section.
 */
export class ResponseParser {
  /** What the next byte is taken for. */
  expecting: Expecting = 'nothing'
  /** Body bytes that are still missing; NaN where the framing does not say. */
  remaining = Number.NaN
  /** The body lasts, or has lasted, until the end of the connection. */
  untilClose = false
  /** Bytes that came behind the message: of another one nobody asked for, or of a tunnel. */
  surplus = 0
  /** Whether the connection may carry another message: RFC 9112 9.3. Settled when the message is complete. */
  persistent = false
  /** Whether the head may have a Keep-Alive field. */
  mayHintKeepAlive = false

  readonly #sink: MessageSink
  #method = ''
  #mode = 0
  #fresh = true
  /** The parser's state, while a message is cut by a read. */
  #state: Uint8Array | null = null
  #cut = false
  /** The message's bytes that were seen and have to be seen again, and their place in the message. */
  #held: Uint8Array | null = null
  #base = WINDOW
  #informational = 0
  #overhead = 0
  #body = 0
  /** Empty lines before the message, in bytes. */
  #skipped = 0
  /** The head needs mending, which takes all of it. */
  #needsMending = false
  #patches: readonly Patch[] = NO_PATCHES

  constructor(sink: MessageSink) {
    this.#sink = sink
  }

  /** Prepares for the response to a request with this method. */
  expect(method: string): void {
    this.#method = method
    this.#mode =
      method === 'GET'
        ? 0
        : method === 'HEAD'
          ? wasm.NO_BODY
          : method === 'CONNECT'
            ? wasm.TO_CONNECT
            : 0
    this.#informational = 0
    this.surplus = 0
    this.persistent = false
    this.#begin()
  }

  #begin(): void {
    this.expecting = 'head'
    this.remaining = Number.NaN
    this.untilClose = false
    this.#fresh = true
    this.#cut = false
    this.#held = null
    this.#base = WINDOW
    this.#skipped = 0
    if (this.#needsMending) {
      this.#needsMending = false
      this.#patches = NO_PATCHES
    }
  }

  /** Gives up: nothing is delivered any more. */
  stop(): void {
    this.expecting = 'nothing'
    this.#held = null
    this.#state = null
  }

  /** Where the next read has to go, for `read`. */
  get target(): Uint8Array {
    if (this.#held !== null) return window.subarray(this.#held.length)
    return this.remaining === wideTarget.length ? widerTarget : wideTarget
  }

  /** Takes `length` bytes that stand at the start of the latest `target`. */
  read(length: number): void {
    switch (this.expecting) {
      case 'head':
      case 'chunks':
        return this.#parse(length)
      case 'counted':
      case 'until-close':
        return this.take(window, 0, length)
      default:
        this.surplus += length
    }
  }

  /**
   * Takes bytes of a body whose length is known or ends with the connection, from any buffer:
   * such a body need not pass the window.
   */
  take(source: Buffer, start: number, end: number): void {
    if (this.expecting === 'until-close') return this.#sink.onBody(source, start, end)
    const length = end - start
    if (length < this.remaining) {
      this.remaining -= length
      this.#sink.onBody(source, start, end)
      return
    }
    const stop = start + this.remaining
    this.surplus = end - stop
    this.remaining = 0
    this.#sink.onBody(source, start, stop)
    if (this.expecting === 'counted') this.#complete(new Headers())
  }

  /** The peer has finished sending: the end of a body that lasts until then, a fault elsewhere. */
  end(): void {
    switch (this.expecting) {
      case 'until-close':
        return this.#complete(new Headers())
      case 'head':
        return this.#fault(
          this.#cut || this.#informational > 0
            ? 'the connection ended inside the head of the response'
            : 'the connection ended without a response',
        )
      case 'counted':
        return this.#fault(
          `the connection ended ${this.remaining} bytes before the end of the body`,
        )
      case 'chunks':
        return this.#fault('the connection ended inside a chunked body')
    }
  }

  #parse(length: number): void {
    let at = WINDOW
    if (this.#cut) at += this.#restore()
    const end = at + length
    if (this.#fresh) at = this.#base // nothing held, or a head that has to be parsed again
    for (;;) {
      if (this.#fresh) {
        if (window[at - WINDOW] !== H) {
          at = this.#skipEmptyLines(at, end)
          if (at < 0) return
        }
        if (this.#needsMending && !this.#isWhole(end)) return this.#hold(at, end)
      }
      const inHead = this.expecting === 'head'
      const flags = wasm.parse(
        at,
        end - at,
        this.#base,
        this.#fresh ? this.#mode | wasm.FRESH : this.#mode,
      )
      this.#fresh = false
      const error = record[wasm.ERROR]
      const consumed = record[wasm.CONSUMED]
      const bodyStart = record[wasm.BODY_START] - WINDOW
      const bodyEnd = record[wasm.BODY_END] - WINDOW
      const trailerStart = record[wasm.TRAILER_START]
      const base = this.#base
      let behindHead = at

      if (inHead) {
        if ((flags & wasm.HEAD_COMPLETE) === 0) {
          if (error === 0) return this.#hold(base, end)
          if (!this.#mend(error, end)) return this.#fault(faultOf(error))
          at = base
          continue
        }
        behindHead = base + record[wasm.HEAD_END]
        if (behindHead - base > MAX_HEAD_SIZE) return this.#tooLong()
        this.persistent = (flags & wasm.PERSISTENT) !== 0
        this.mayHintKeepAlive = (flags & wasm.HAS_KEEP_ALIVE) !== 0
        const head = this.#takeHead(base, behindHead, flags)
        if (head === null) return
        if (head.status < 200 && head.status !== 101) {
          if (!this.#inform(head)) return
          at = behindHead
          if (at < end) {
            this.#base = at
            continue
          }
          return
        }
        if ((this.expecting as Expecting) === 'tunnel') {
          this.expecting = 'nothing'
          return this.#sink.onTunnel(head, window, behindHead - WINDOW, end - WINDOW)
        }
        this.#sink.onHead(head)
        if ((this.expecting as Expecting) === 'nothing') return
      }

      if (bodyEnd > 0 && bodyEnd > bodyStart) {
        if (this.expecting === 'counted') this.remaining -= bodyEnd - bodyStart
        this.#sink.onBody(window, bodyStart, bodyEnd)
        if ((this.expecting as Expecting) === 'nothing') return
      }
      if (this.expecting === 'chunks') {
        this.#body += Math.max(bodyEnd - bodyStart, 0)
        this.#overhead += consumed - behindHead - Math.max(bodyEnd - bodyStart, 0)
        if (this.#overhead > MAX_CHUNK_OVERHEAD + MAX_CHUNK_OVERHEAD_RATIO * this.#body) {
          return this.#fault('chunk extensions or trailers without end')
        }
      }
      if ((flags & wasm.MESSAGE_COMPLETE) !== 0) {
        this.surplus = end - consumed
        if (this.expecting === 'chunks') this.persistent &&= (flags & wasm.PERSISTENT) !== 0
        if (trailerStart === 0) return this.#complete(new Headers())
        if (consumed - base - trailerStart > MAX_HEAD_SIZE) return this.#tooLong()
        return this.#complete(Headers.fromRawHead(latin1(base + trailerStart, consumed - 4), 0))
      }
      if (error !== 0) return this.#fault(faultOf(error))
      if (this.expecting === 'chunks') this.#hold(trailerStart === 0 ? 0 : base + trailerStart, end)
      return
    }
  }

  /** Decides what follows a complete head; null when that is a fault. */
  #takeHead(base: number, end: number, flags: number): ResponseHead | null {
    for (const { at, bytes } of this.#patches) window.set(bytes, base - WINDOW + at)
    const raw = latin1(base, end - 4)
    // llhttp takes CR CR for the end of a status line: what follows would be a field to it alone.
    const lineEnd = raw.indexOf('\r')
    if (window[(lineEnd < 0 ? end - 4 : base + lineEnd) + 1 - WINDOW] !== LF) {
      this.#fault(faultOf(LF_EXPECTED))
      return null
    }
    const head = new ResponseHead(record[wasm.STATUS], raw)
    const framing = record[wasm.FRAMING]
    try {
      if (this.#patches.length > 0) checkRepeatedContentLength(head)
      this.#frame(head, framing, flags)
    } catch (error) {
      if (!(error instanceof FramingFault)) throw error
      this.#fault(error.message)
      return null
    }
    if ((flags & wasm.HAS_CONNECTION) !== 0 && (framing & wasm.F_CONNECTION_CLOSE) === 0) {
      // llhttp does not see `close` in front of a tab.
      if (head.mentions('\t') && says(head, 'close')) this.persistent = false
    }
    if ((flags & wasm.HTTP_1_0) !== 0 && this.persistent) {
      // llhttp overlooks a `close` beside `keep-alive`, and takes Proxy-Connection for Connection.
      // RFC 9112 6.1: with Transfer-Encoding the framing is faulty: this message, and no further.
      this.persistent =
        (framing & wasm.F_TRANSFER_ENCODING) === 0 &&
        says(head, 'keep-alive') &&
        !says(head, 'close')
    }
    return head
  }

  #frame(head: ResponseHead, framing: number, flags: number): void {
    const length = responseBodyLength(this.#method, head, {
      // llhttp overlooks an empty one.
      transferEncoding:
        (framing & wasm.F_TRANSFER_ENCODING) !== 0 ||
        ((flags & wasm.HAS_TRANSFER_ENCODING) !== 0 && head.headers.has('transfer-encoding')),
      chunked: (framing & wasm.F_CHUNKED) !== 0,
      contentLength: (framing & wasm.F_CONTENT_LENGTH) !== 0 ? wasm.contentLength() : null,
    })
    this.remaining = length >= 0 ? length : Number.NaN
    if (length >= 0) this.expecting = 'counted'
    else if (length === CHUNKED) {
      this.expecting = 'chunks'
      this.#overhead = this.#body = 0
    } else if (length === TUNNEL) this.expecting = 'tunnel'
    else {
      this.expecting = 'until-close'
      this.untilClose = true
      this.persistent = false
    }
    this.#held = null
  }

  /** @returns whether to go on */
  #inform(head: ResponseHead): boolean {
    if (++this.#informational > MAX_INFORMATIONAL) {
      this.#fault(`more than ${MAX_INFORMATIONAL} informational responses`)
      return false
    }
    // From the template, not by llhttp_resume: after a 100 of HTTP/1.0 or with `Connection: close`
    // that would make the final response an error.
    this.#begin()
    this.#sink.onInformational(head)
    return (this.expecting as Expecting) !== 'nothing'
  }

  /**
   * Goes past empty lines before a message (RFC 9112 2.2).
   * @returns where the message begins, or -1 when it cannot be parsed yet, or not at all
   */
  #skipEmptyLines(from: number, end: number): number {
    let at = from
    while (end - at > 1 && window[at - WINDOW] === CR && window[at - WINDOW + 1] === LF) at += 2
    this.#skipped += at - from
    this.#base = at
    if (this.#skipped > MAX_HEAD_SIZE) this.#tooLong()
    else if (at === end || (at + 1 === end && window[at - WINDOW] === CR)) this.#hold(at, end)
    else if (window[at - WINDOW] === H) return at
    // llhttp knows messages of RTSP and ICE, too.
    else this.#fault(faultOf(INVALID_START))
    return -1
  }

  /** Mends the head, if all of it is here. @returns whether there is something to mend */
  #mend(error: number, end: number): boolean {
    const isLength = error === UNEXPECTED_CONTENT_LENGTH || error === INVALID_CONTENT_LENGTH
    if (!isLength && error !== INVALID_HEADER_TOKEN) return false
    const received = window.subarray(this.#base - WINDOW, end - WINDOW)
    const isWhole = this.#isWhole(end)
    const head = isWhole ? received : Buffer.from(received)
    const hasFold = unfold(head)
    const patches = isLength ? maskContentLength(head) : []
    if (!hasFold && patches.length === 0) return false
    if (isWhole) this.#patches = [...this.#patches, ...patches]
    this.#fresh = this.#needsMending = true
    return true
  }

  #isWhole(end: number): boolean {
    return window.subarray(this.#base - WINDOW, end - WINDOW).includes('\r\n\r\n')
  }

  /** Keeps, over the end of a read, the parser's state and the message's bytes from `from` on. */
  #hold(from: number, end: number): void {
    this.#cut = true
    this.#state ??= new Uint8Array(wasm.STATE_SIZE)
    this.#state.set(wasm.state)
    if (from === 0) {
      this.#held = null
      this.#base = BEFORE_WINDOW
      return
    }
    if (end - from > MAX_HEAD_SIZE) return this.#tooLong()
    this.#held = Uint8Array.prototype.slice.call(window, from - WINDOW, end - WINDOW)
    this.#base -= from - WINDOW
  }

  /** Puts back what `#hold` kept, in front of the new bytes. @returns how many bytes that are */
  #restore(): number {
    wasm.state.set(this.#state as Uint8Array)
    if (this.#held === null) return 0
    window.set(this.#held)
    return this.#held.length
  }

  #complete(trailers: Headers): void {
    this.expecting = 'nothing'
    this.#held = null
    this.#sink.onComplete(trailers)
  }

  #tooLong(): void {
    const what = this.expecting === 'head' ? 'head' : 'trailer section'
    this.#fault(`its ${what} is longer than ${MAX_HEAD_SIZE} bytes`)
  }

  #fault(fault: string): void {
    this.stop()
    this.#sink.onFault(fault)
  }
}

const H = 'H'.charCodeAt(0)
const CR = 0x0d
const LF = 0x0a

/** A read behind nothing held: as long as the shortest one behind the longest head that may be held. */
const wideTarget = window.subarray(0, wasm.WINDOW_SIZE - MAX_HEAD_SIZE)
/** A read that fills its target hides whether more has come: none may be as long as what is missing. */
const widerTarget = window.subarray(0, wideTarget.length + 1)

function latin1(start: number, end: number): string {
  return window.latin1Slice(start - WINDOW, end - WINDOW)
}

/** Whether Connection names this option. */
function says(head: ResponseHead, option: string): boolean {
  const given = head.headers.getAll('connection').join(',').split(',')
  return given.some((each) => each.trim().toLowerCase() === option)
}
