import { Headers } from '../models/headers.ts'
import type { Restore } from './lenient-head.ts'
import { foldsFraming, maskContentLength, unfoldLines } from './lenient-head.ts'
import * as wasm from './llhttp.ts'
import {
  INVALID_CONTENT_LENGTH,
  INVALID_HEADER_TOKEN,
  INVALID_START,
  LF_EXPECTED,
  MAX_CHUNK_OVERHEAD,
  MAX_CHUNK_OVERHEAD_RATIO,
  MAX_HEAD_SIZE,
  MAX_INFORMATIONAL,
  parseErrorMessage,
  UNEXPECTED_CONTENT_LENGTH,
} from './parse-errors.ts'
import {
  CHUNKED,
  checkRepeatedContentLength,
  FramingError,
  responseBodyLength,
  TUNNEL,
} from './response-framing.ts'
import { ResponseHead } from './response-head.ts'

/** Receives a response as it is parsed. Any method may call `stop()` of the parser. */
export interface MessageSink {
  /** A 1xx response other than 101. The final response follows. */
  onInformational(head: ResponseHead): void
  /** The head of a final response. */
  onHead(head: ResponseHead): void
  /**
   * A head after which the connection uses another protocol: 101, or 2xx to CONNECT. `source` from
   * `start` to `end` are the first bytes of that protocol. They are overwritten after this returns.
   */
  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void
  /** Body bytes without framing, in `source`. They are overwritten after this returns. */
  onBody(source: Buffer, start: number, end: number): void
  /** The message is complete. */
  onComplete(trailers: Headers): void
  /** The response is not valid, for the reason in `fault`. Everything before has been delivered. */
  onFault(fault: string): void
}

/** What the next byte belongs to. `counted` is a body of known length. */
type Expecting = 'head' | 'chunks' | 'counted' | 'until-close' | 'tunnel' | 'nothing'

const { window, readRecord, WINDOW } = wasm

/**
 * The parser that is reading the window, or null. The functions of the caller that it calls
 * meanwhile can run any code, such as `process._tickCallback()`, which delivers other reads.
 */
let reading: ResponseParser | null = null
/** Whether another read was stored in the window since the parser began to read it. */
let overwritten = false

/** Whether the window is in use. Then no other read may be stored in it, or be parsed. */
export function isWindowInUse(): boolean {
  return reading !== null
}

/** Reports that a read was stored in the window while it was in use. */
export function reportOverwritten(): void {
  overwritten = true
}

/** Why a response fails if a read was delivered inside of a handler of a response. */
export const NESTED_READ = 'a handler ran the event loop (process._tickCallback) before it returned'

const NOTHING_TO_RESTORE: readonly Restore[] = []

/** A base below the window, so that no trailer position is 0, which means none. */
const BASE_BEFORE_WINDOW = WINDOW - 1

/**
 * Parses the responses of one connection, one at a time. All parsers of a thread share one parser
 * state and one window, which is their `target`. If a message continues in the next read, this
 * object keeps a copy of the parser's state, and the bytes of an unfinished head or trailer
 * section.
 *
 * To use it, call `expect`, store received bytes in `target`, and call `read` at once: in between,
 * the `target` of another parser must not be filled. A method of a `MessageSink` must neither fill
 * a `target` nor call `read` of any parser; `onComplete`, `onTunnel` and `onFault` may.
 */
export class ResponseParser {
  /** What the next byte belongs to. */
  expecting: Expecting = 'nothing'
  /** How many body bytes are missing; NaN if the framing does not tell. */
  remaining = Number.NaN
  /** Whether the body ends with the connection. */
  untilClose = false
  /** How many bytes arrived after the message: of an unrequested message, or of a tunnel. */
  surplus = 0
  /** Whether the connection persists. Valid once the message is complete. RFC 9112 9.3 */
  persistent = false
  /** Whether the head may contain a Keep-Alive field. */
  mayHintKeepAlive = false

  readonly #sink: MessageSink
  #method = ''
  #mode = 0
  #atStart = true
  /** The saved state of the parser, while a message continues in the next read. */
  #savedState: Uint8Array | null = null
  #suspended = false
  /** Bytes of the message that must be in the window again for the next read. */
  #savedBytes: Uint8Array | null = null
  /** The address at which the message begins, or would begin. */
  #base = WINDOW
  #informationalCount = 0
  #chunkOverhead = 0
  #chunkedBytes = 0
  /** The length of the empty lines before the message, in bytes. */
  #emptyLineBytes = 0
  /** The head must be changed to be parsable, which requires the whole head. */
  #needsRewrite = false
  #restores: readonly Restore[] = NOTHING_TO_RESTORE

  constructor(sink: MessageSink) {
    this.#sink = sink
  }

  /** Prepares for the response to a request with this method. */
  expect(method: string): void {
    this.#method = method
    this.#mode = method === 'HEAD' ? wasm.NO_BODY : method === 'CONNECT' ? wasm.TO_CONNECT : 0
    this.#informationalCount = 0
    this.surplus = 0
    this.persistent = false
    this.#begin()
  }

  #begin(): void {
    this.expecting = 'head'
    this.remaining = Number.NaN
    this.untilClose = false
    this.#atStart = true
    this.#suspended = false
    this.#savedBytes = null
    this.#base = WINDOW
    this.#emptyLineBytes = 0
    if (this.#needsRewrite) {
      this.#needsRewrite = false
      this.#restores = NOTHING_TO_RESTORE
    }
  }

  /** Whether a part of a head has been received. */
  get isInHead(): boolean {
    return this.expecting === 'head' && this.#savedBytes !== null
  }

  /** Stops: nothing more is delivered. */
  stop(): void {
    this.expecting = 'nothing'
    this.#savedBytes = null
    this.#savedState = null
  }

  /** The buffer for the next read. Pass the number of bytes read to `read`. */
  get target(): Uint8Array {
    if (this.#savedBytes !== null) return window.subarray(this.#savedBytes.length)
    return this.remaining === fullTarget.length ? fullTargetPlusOne : fullTarget
  }

  /** Whether a callback of this parser runs, and it has not parsed all of its latest read. */
  get isReading(): boolean {
    return reading === this
  }

  /** Processes the first `length` bytes of the latest `target`. The window must not be in use. */
  read(length: number): void {
    reading = this
    overwritten = false
    try {
      this.#read(length)
    } finally {
      reading = null
    }
  }

  #read(length: number): void {
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
   * Processes bytes of a body that needs no parsing: one of known length, or one that ends with the
   * connection. The bytes can be in any buffer.
   */
  take(source: Buffer, start: number, end: number): void {
    if (this.expecting === 'until-close') return this.#deliverBody(source, start, end)
    const length = end - start
    if (length < this.remaining) {
      this.remaining -= length
      this.#deliverBody(source, start, end)
      return
    }
    const stop = start + this.remaining
    this.surplus = end - stop
    this.remaining = 0
    this.#deliverBody(source, start, stop)
    if (this.expecting === 'counted') this.#complete(new Headers())
  }

  #deliverBody(source: Buffer, start: number, end: number): void {
    this.#sink.onBody(source, start, end)
    if (source === window) this.#checkWindow()
  }

  /** Called after the sink: its code may have received data, which then is in the window. */
  #checkWindow(): void {
    if (overwritten && this.expecting !== 'nothing') this.#fault(NESTED_READ)
  }

  /** The peer has finished sending: the end of a body that lasts until then, otherwise a fault. */
  end(): void {
    switch (this.expecting) {
      case 'until-close':
        return this.#complete(new Headers())
      case 'head':
        return this.#fault(
          this.#suspended || this.#informationalCount > 0
            ? 'the connection ended before the end of the head'
            : 'the connection ended without a response',
        )
      case 'counted':
        return this.#fault(
          `the connection ended ${this.remaining} bytes before the end of the body`,
        )
      case 'chunks':
        return this.#fault('the connection ended before the end of the chunked body')
    }
  }

  #parse(length: number): void {
    let at = WINDOW
    if (this.#suspended) at += this.#resume()
    const end = at + length
    if (this.#atStart) at = this.#base // nothing is saved, or the head must be parsed again
    for (;;) {
      if (this.#atStart) {
        if (window[at - WINDOW] !== H) {
          at = this.#skipEmptyLines(at, end)
          if (at < 0) return
        }
        if (this.#needsRewrite && !this.#hasWholeHead(end)) return this.#suspend(at, end)
      }
      const inHead = this.expecting === 'head'
      const flags = wasm.parse(
        at,
        end - at,
        this.#base,
        this.#atStart ? this.#mode | wasm.FRESH : this.#mode,
      )
      this.#atStart = false
      const error = readRecord(wasm.ERROR)
      const consumed = readRecord(wasm.CONSUMED)
      const bodyStart = readRecord(wasm.BODY_START) - WINDOW
      const bodyEnd = readRecord(wasm.BODY_END) - WINDOW
      const trailerStart = readRecord(wasm.TRAILER_START)
      const base = this.#base
      let headEnd = at

      if (inHead) {
        if ((flags & wasm.HEAD_COMPLETE) === 0) {
          if (error === 0) return this.#suspend(base, end)
          const fault = this.#makeParsable(error, end)
          if (fault !== null) return this.#fault(fault)
          at = base
          continue
        }
        headEnd = base + readRecord(wasm.HEAD_END)
        if (headEnd - base > MAX_HEAD_SIZE) return this.#failTooLong()
        this.persistent = (flags & wasm.PERSISTENT) !== 0
        this.mayHintKeepAlive = (flags & wasm.HAS_KEEP_ALIVE) !== 0
        const head = this.#takeHead(base, headEnd, flags)
        if (head === null) return
        if (head.status < 200 && head.status !== 101) {
          if (!this.#deliverInformational(head)) return
          at = headEnd
          if (at < end) {
            this.#base = at
            continue
          }
          return
        }
        if ((this.expecting as Expecting) === 'tunnel') {
          this.expecting = 'nothing'
          reading = null // the sink copies the bytes, and may deliver them
          return this.#sink.onTunnel(head, window, headEnd - WINDOW, end - WINDOW)
        }
        this.#sink.onHead(head)
        this.#checkWindow()
        if ((this.expecting as Expecting) === 'nothing') return
      }

      // Copied before the body is delivered: the sink may run any code.
      const isComplete = (flags & wasm.MESSAGE_COMPLETE) !== 0
      const trailers =
        isComplete && trailerStart > 0 ? latin1(base + trailerStart, consumed - 4) : ''
      if (bodyEnd > 0 && bodyEnd > bodyStart) {
        if (this.expecting === 'counted') this.remaining -= bodyEnd - bodyStart
        this.#deliverBody(window, bodyStart, bodyEnd)
        if ((this.expecting as Expecting) === 'nothing') return
      }
      if (this.expecting === 'chunks') {
        this.#chunkedBytes += Math.max(bodyEnd - bodyStart, 0)
        this.#chunkOverhead += consumed - headEnd - Math.max(bodyEnd - bodyStart, 0)
        if (
          this.#chunkOverhead >
          MAX_CHUNK_OVERHEAD + MAX_CHUNK_OVERHEAD_RATIO * this.#chunkedBytes
        ) {
          return this.#fault(
            `its chunk framing and trailers exceed ${MAX_CHUNK_OVERHEAD} bytes plus ${MAX_CHUNK_OVERHEAD_RATIO} times its body`,
          )
        }
      }
      if (isComplete) {
        this.surplus = end - consumed
        if (this.expecting === 'chunks') this.persistent &&= (flags & wasm.PERSISTENT) !== 0
        if (trailerStart === 0) return this.#complete(new Headers())
        if (consumed - base - trailerStart > MAX_HEAD_SIZE) return this.#failTooLong()
        return this.#complete(Headers.fromRawHead(trailers, 0))
      }
      if (error !== 0) return this.#fault(parseErrorMessage(error))
      if (this.expecting === 'chunks')
        this.#suspend(trailerStart === 0 ? 0 : base + trailerStart, end)
      return
    }
  }

  /** Processes a complete head, and decides what follows. Returns null after a fault. */
  #takeHead(base: number, end: number, flags: number): ResponseHead | null {
    for (const { at, bytes } of this.#restores) window.set(bytes, base - WINDOW + at)
    const raw = latin1(base, end - 4)
    // llhttp accepts CR CR as the end of a status line. It would parse a field after it that the
    // decoded head does not contain.
    const lineEnd = raw.indexOf('\r')
    if (window[(lineEnd < 0 ? end - 4 : base + lineEnd) + 1 - WINDOW] !== LF) {
      this.#fault(parseErrorMessage(LF_EXPECTED))
      return null
    }
    const head = new ResponseHead(
      readRecord(wasm.STATUS),
      raw,
      (flags & wasm.HAS_SET_COOKIE) !== 0,
      (flags & wasm.HAS_CONTENT_ENCODING) !== 0,
    )
    const framing = readRecord(wasm.FRAMING)
    try {
      if (this.#restores.length > 0) checkRepeatedContentLength(head)
      this.#setFraming(head, framing, flags)
    } catch (error) {
      if (!(error instanceof FramingError)) throw error
      this.#fault(error.message)
      return null
    }
    if ((flags & wasm.HAS_CONNECTION) !== 0 && (framing & wasm.F_CONNECTION_CLOSE) === 0) {
      // llhttp misses a `close` that a tab follows.
      if (head.includesText('\t') && hasConnectionOption(head, 'close')) this.persistent = false
    }
    if ((flags & wasm.HTTP_1_0) !== 0 && this.persistent) {
      // llhttp ignores `close` if there is a `keep-alive`, and treats Proxy-Connection as
      // Connection. Transfer-Encoding in HTTP/1.0 is faulty framing, so the connection must close.
      // RFC 9112 6.1
      this.persistent =
        (framing & wasm.F_TRANSFER_ENCODING) === 0 &&
        hasConnectionOption(head, 'keep-alive') &&
        !hasConnectionOption(head, 'close')
    }
    return head
  }

  #setFraming(head: ResponseHead, framing: number, flags: number): void {
    const length = responseBodyLength(this.#method, head, {
      // llhttp ignores an empty Transfer-Encoding.
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
      this.#chunkOverhead = this.#chunkedBytes = 0
    } else if (length === TUNNEL) this.expecting = 'tunnel'
    else {
      this.expecting = 'until-close'
      this.untilClose = true
      this.persistent = false
    }
    this.#savedBytes = null
  }

  /** Delivers an informational response. @returns whether to continue */
  #deliverInformational(head: ResponseHead): boolean {
    if (++this.#informationalCount > MAX_INFORMATIONAL) {
      this.#fault(`more than ${MAX_INFORMATIONAL} informational responses arrived`)
      return false
    }
    // Starts with a new state instead of llhttp_resume, which would reject the final response after
    // a 100 with HTTP/1.0 or with `Connection: close`.
    this.#begin()
    this.#sink.onInformational(head)
    this.#checkWindow()
    return (this.expecting as Expecting) !== 'nothing'
  }

  /**
   * Skips empty lines before a message. RFC 9112 2.2
   *
   * @returns the address of the message, or -1 after a fault or if more bytes are needed
   */
  #skipEmptyLines(from: number, end: number): number {
    let at = from
    while (end - at > 1 && window[at - WINDOW] === CR && window[at - WINDOW + 1] === LF) at += 2
    this.#emptyLineBytes += at - from
    this.#base = at
    if (this.#emptyLineBytes > MAX_HEAD_SIZE) this.#failTooLong()
    else if (at === end || (at + 1 === end && window[at - WINDOW] === CR)) this.#suspend(at, end)
    else if (window[at - WINDOW] === H) return at
    // llhttp would also accept messages of RTSP and ICE.
    else this.#fault(parseErrorMessage(INVALID_START))
    return -1
  }

  /**
   * Changes a rejected head so that llhttp accepts it. If the head is not complete yet, only checks
   * whether that is possible.
   *
   * @returns why that is not possible; null if it is
   */
  #makeParsable(error: number, end: number): string | null {
    const isLength = error === UNEXPECTED_CONTENT_LENGTH || error === INVALID_CONTENT_LENGTH
    if (!isLength && error !== INVALID_HEADER_TOKEN) return parseErrorMessage(error)
    const received = window.subarray(this.#base - WINDOW, end - WINDOW)
    const isComplete = this.#hasWholeHead(end)
    const head = isComplete ? received : Buffer.from(received)
    if (foldsFraming(head)) return 'Content-Length or Transfer-Encoding is folded over lines'
    const hasFold = unfoldLines(head)
    const restores = isLength ? maskContentLength(head) : []
    if (!hasFold && restores.length === 0) return parseErrorMessage(error)
    if (isComplete) this.#restores = [...this.#restores, ...restores]
    this.#atStart = this.#needsRewrite = true
    return null
  }

  #hasWholeHead(end: number): boolean {
    return window.subarray(this.#base - WINDOW, end - WINDOW).includes('\r\n\r\n')
  }

  /**
   * Saves the parser's state until the next read, and the bytes of the message from `from` on; none
   * if `from` is 0.
   */
  #suspend(from: number, end: number): void {
    this.#suspended = true
    this.#savedState ??= new Uint8Array(wasm.STATE_SIZE)
    this.#savedState.set(wasm.state)
    if (from === 0) {
      this.#savedBytes = null
      this.#base = BASE_BEFORE_WINDOW
      return
    }
    if (end - from > MAX_HEAD_SIZE) return this.#failTooLong()
    this.#savedBytes = Uint8Array.prototype.slice.call(window, from - WINDOW, end - WINDOW)
    this.#base -= from - WINDOW
  }

  /**
   * Restores what `#suspend` has saved. The saved bytes precede the new ones.
   *
   * @returns their number
   */
  #resume(): number {
    wasm.state.set(this.#savedState as Uint8Array)
    if (this.#savedBytes === null) return 0
    window.set(this.#savedBytes)
    return this.#savedBytes.length
  }

  #complete(trailers: Headers): void {
    this.expecting = 'nothing'
    this.#savedBytes = null
    this.#releaseWindow()
    this.#sink.onComplete(trailers)
  }

  #failTooLong(): void {
    const part = this.expecting === 'head' ? 'head' : 'trailer section'
    this.#fault(`its ${part} is longer than ${MAX_HEAD_SIZE} bytes`)
  }

  #fault(fault: string): void {
    this.stop()
    this.#releaseWindow()
    this.#sink.onFault(fault)
  }

  /**
   * Called when this parser reads nothing more from the window. A read into a target of its own may
   * be nested in that of another parser, which is still reading the window.
   */
  #releaseWindow(): void {
    if (reading === this) reading = null
  }
}

const H = 'H'.charCodeAt(0)
const CR = 0x0d
const LF = 0x0a

/** The read target if no bytes are saved: as long as the longest saved head leaves room for. */
const fullTarget = window.subarray(0, wasm.WINDOW_SIZE - MAX_HEAD_SIZE)
/**
 * The read target if exactly the length of `fullTarget` is missing. A read that fills its target
 * does not show whether more bytes have arrived, so the target must be longer than what is missing.
 */
const fullTargetPlusOne = window.subarray(0, fullTarget.length + 1)

function latin1(start: number, end: number): string {
  return window.latin1Slice(start - WINDOW, end - WINDOW)
}

/** Whether Connection lists this option. */
function hasConnectionOption(head: ResponseHead, option: string): boolean {
  const given = head.headers.getAll('connection').join(',').split(',')
  return given.some((each) => each.trim().toLowerCase() === option)
}
