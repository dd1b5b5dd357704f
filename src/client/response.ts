import type { UnderlyingSource } from 'node:stream/web'
import { inspect } from 'node:util'
import { collect, decoderFor, limited } from '../content/decoding/decoder.ts'
import { iterLines, iterText } from '../content/text.ts'
import {
  HTTPStatusError,
  ResponseNotRead,
  redactUrl,
  StreamClosed,
  StreamConsumed,
  TotalTimeout,
} from '../errors.ts'
import { charsetOf, decodeText } from '../models/charset.ts'
import type { Headers } from '../models/headers.ts'
import { withoutPrototype } from '../models/options.ts'
import { isThenable } from '../models/value-kind.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import type { Call } from './call.ts'
import { notDone, remember, withRequest } from './call.ts'
import type { Cookies } from './cookies/cookies.ts'
import { cookiesOf } from './cookies/cookies.ts'
import type { Link } from './links.ts'
import { parseLinks } from './links.ts'
import { AT_REDIRECT, isRedirect, nextHop } from './redirect.ts'
import { Request } from './request.ts'
import { isSameOrigin } from './url.ts'
import { interruptible } from './waits.ts'

/** How a response came about. */
export interface Origins {
  /** As it was sent: with credentials and cookies. */
  readonly request: Request
  /** The same before these were added; a redirect starts from it. */
  readonly base: Request
  readonly call: Call
  /** By the call's clock. */
  readonly startedAt: number
  readonly history: readonly Response[]
}

/** What errors of decoding and size say of the exchange. */
const AFTER_HEAD = { phase: 'read', responseStarted: true } as const

/**
 * A response: read, as `client.get()` and its like give it, or streamed, as `client.stream()` does,
 * with its body still to come. One that is streamed has to be read to its end or closed.
 */
export class Response {
  readonly #raw: EngineResponse
  readonly #origins: Origins
  #encoding: string | null = null
  #bytes: Uint8Array | null = null
  #reading: Promise<Uint8Array> | null = null
  #elapsed = Number.NaN
  #cookies: Cookies | null = null
  #next: Request | null = null
  #isClosed = false
  #onEnded: (() => void) | null = null

  constructor(raw: EngineResponse, origins: Origins) {
    this.#raw = raw
    this.#origins = origins
  }

  /** The status code. */
  get status(): number {
    return this.#raw.status
  }

  /** The reason phrase, often empty. */
  get statusText(): string {
    return this.#raw.statusText
  }

  /** `1.0` or `1.1` */
  get httpVersion(): string {
    return this.#raw.httpVersion
  }

  /** The fields, as they came. */
  get headers(): Headers {
    return this.#raw.headers
  }

  /** The fields behind the body; null until it has ended. RFC 9110 6.5 */
  get trailers(): Headers | null {
    return this.#raw.trailers
  }

  /** The request that this answers, as it was sent. */
  get request(): Request {
    return this.#origins.request
  }

  /** Where it came from: behind redirects the last URL. */
  get url(): URL {
    return this.#origins.request.url
  }

  /** The responses on the way to this one: redirects, and those that auth asked to answer again. */
  get history(): readonly Response[] {
    return this.#origins.history
  }

  /** From the call to the end of the body, in ms; until then, to now. */
  get elapsed(): number {
    const { call, startedAt } = this.#origins
    return Number.isNaN(this.#elapsed) ? call.clock.now() - startedAt : this.#elapsed
  }

  /** What this response sets, and no other. */
  get cookies(): Cookies {
    this.#cookies ??= cookiesOf(this.headers, this.url)
    return this.#cookies
  }

  /** The Link fields by their relation. RFC 8288 */
  get links(): Record<string, Link> {
    return parseLinks(this.headers.get('link'))
  }

  /** The charset of `text()`: of Content-Type where it is known, else `utf-8`. May be assigned. */
  get encoding(): string {
    return this.#encoding ?? charsetOf(this.headers.get('content-type'))
  }

  /** Throws `RangeError` for a charset that the runtime does not know. */
  set encoding(charset: string) {
    this.#encoding = new TextDecoder(charset).encoding
  }

  /** A status of 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  /** A status that redirects, with a Location. */
  get isRedirect(): boolean {
    return isRedirect(this.status) && Boolean(this.headers.get('location'))
  }

  /** A status of 400 or above. */
  get isError(): boolean {
    return this.status >= 400
  }

  /** What follows a redirect, for `client.send`, always the same; null if this is none. Throws for a Location that cannot be followed. */
  get nextRequest(): Request | null {
    const { base, call, request } = this.#origins
    if (this.#next !== null) return this.#next
    try {
      this.#next = nextRequest(base, call, this)
      return this.#next
    } catch (error) {
      throw withRequest(error, request, call)
    }
  }

  /** This response, or an `HTTPStatusError` when its status is 400 or above. */
  raiseForStatus(): this {
    if (!this.isError) return this
    throw new HTTPStatusError(
      `${this.status} ${this.statusText} from ${redactUrl(this.url)}`.replace('  ', ' '),
      { request: this.request, response: this },
    )
  }

  // --- read

  /** Reads the whole body; asked again, the same. */
  async read(): Promise<this> {
    if (this.#bytes === null) {
      this.#reading ??= this.#whole()
      try {
        this.#bytes = await this.#reading
      } catch (error) {
        throw this.#failed(error)
      }
      this.#end()
    }
    return this
  }

  /** The body, decoded and not copied. Throws `ResponseNotRead` before `read()` and `StreamClosed` where it was closed instead, as all of these. */
  bytes(): Uint8Array {
    if (this.#bytes !== null) return this.#bytes
    if (this.#isClosed) {
      throw new StreamClosed('The response was closed before its body was read', {
        request: this.request,
      })
    }
    throw new ResponseNotRead(
      'The body of a streamed response is here only after `await response.read()`',
      { request: this.request },
    )
  }

  /** `bytes()` in a memory of its own: a copy. */
  arrayBuffer(): ArrayBuffer {
    return new Uint8Array(this.bytes()).buffer
  }

  /** `bytes()` with the media type: a copy. */
  blob(): Blob {
    const type = this.headers.get('content-type') ?? ''
    return new Blob([this.bytes() as Uint8Array<ArrayBuffer>], withoutPrototype({ type }))
  }

  /** The body as text, by `encoding`. */
  text(): string {
    return decodeText(this.bytes(), this.encoding)
  }

  /** Throws `SyntaxError` for what is no JSON. The type is the caller's claim. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  // --- streamed

  /** The body, decoded, as it comes. A reader that stops early closes the response. */
  async *iterBytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#bytes === null) return yield* this.#guarded(() => this.#decoded())
    if (this.#bytes.length > 0) yield this.#bytes
  }

  /** The body as text, by `encoding`; a character is never cut. */
  iterText(): AsyncGenerator<string, void, undefined> {
    return iterText(this.iterBytes(), this.encoding)
  }

  /** The body's lines without their ends: LF, CR or CRLF. */
  iterLines(): AsyncGenerator<string, void, undefined> {
    return iterLines(this.iterText())
  }

  /** The body as it came over the wire, not decoded. */
  iterRaw(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#guarded(() => this.#limited(this.#received()))
  }

  /** The body, decoded, as a web stream; cancelled, the response is closed. */
  bodyStream(): ReadableStream<Uint8Array> {
    const chunks = this.iterBytes()
    return new ReadableStream(
      withoutPrototype<UnderlyingSource<Uint8Array>>({
        async pull(controller) {
          const { done, value } = await chunks.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        // Not `chunks.return()`: it does nothing before the first chunk, and waits for one that is awaited.
        cancel: () => this.close(),
      }),
      withoutPrototype({ highWaterMark: 0 }),
    )
  }

  /** Gives up the rest of the body: a small one is read to keep the connection, a large one costs it. */
  close(): Promise<void> {
    this.#raw.close()
    this.#isClosed ||= Number.isNaN(this.#elapsed)
    this.#end()
    return Promise.resolve()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Calls back once the body has ended, failed or was closed; at once if it has. @internal */
  whenEnded(callback: () => void): void {
    if (Number.isNaN(this.#elapsed)) this.#onEnded = callback
    else callback()
  }

  async #whole(): Promise<Uint8Array> {
    const { maxResponseSize, onDownloadProgress } = this.#origins.call
    const max = maxResponseSize ?? Number.POSITIVE_INFINITY
    const decoder = this.#decoder()
    if (decoder !== null) return decoder.decodeAll(this.#received(), max)
    if (onDownloadProgress === null) return this.#raw.bytes({ max })
    return collect(this.#decoded())
  }

  #decoder() {
    try {
      return decoderFor(this.headers.get('content-encoding'), AFTER_HEAD)
    } catch (error) {
      this.#raw.close()
      throw error
    }
  }

  #decoded(): AsyncIterable<Uint8Array> {
    const decoder = this.#decoder()
    const received = this.#received()
    return this.#limited(decoder === null ? received : decoder.decode(received))
  }

  #limited(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const { maxResponseSize } = this.#origins.call
    return maxResponseSize === null ? chunks : limited(chunks, maxResponseSize, AFTER_HEAD)
  }

  #received(): AsyncIterable<Uint8Array> {
    const { onDownloadProgress } = this.#origins.call
    return onDownloadProgress === null ? this.#raw : this.#counted(onDownloadProgress)
  }

  async *#counted(
    report: NonNullable<Call['onDownloadProgress']>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const length = this.headers.get('content-length')
    const total = length === null ? null : Number.parseInt(length, 10) // a repeated one is `5, 5`
    let bytes = 0
    for await (const chunk of this.#raw) {
      bytes += chunk.length
      const reported: unknown = report({ bytes, total })
      if (isThenable(reported)) await this.#waited(reported)
      yield chunk
    }
  }

  /** What the caller's code gives, if it does before the call has to end. */
  #waited(pending: PromiseLike<unknown>): Promise<unknown> {
    const { request, call, startedAt } = this.#origins
    const { signal, timeout, clock } = call
    const left = timeout.total === null ? null : startedAt + timeout.total - clock.now()
    const late = () => {
      const where = `${request.method} ${redactUrl(request.url)}, in onDownloadProgress`
      return new TotalTimeout(`${notDone(call)} (${where})`, { ...AFTER_HEAD, request })
    }
    return interruptible(pending, { signal, left, late, clock })
  }

  async *#guarded(
    open: () => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let failed = false
    try {
      yield* open()
    } catch (error) {
      failed = true
      throw this.#failed(error)
    } finally {
      if (!failed) this.#end()
    }
  }

  #failed(error: unknown): unknown {
    // Another reader has the body then, and may not be at its end.
    if (!(error instanceof StreamConsumed)) this.#end()
    return withRequest(error, this.request, this.#origins.call)
  }

  #end(): void {
    if (!Number.isNaN(this.#elapsed)) return
    this.#elapsed = this.elapsed
    this.#onEnded?.()
  }

  [inspect.custom](): string {
    return `<Response [${`${this.status} ${this.statusText}`.trim()}]>`
  }
}

/**
 * Location is resolved against the URL of the response, which a hook or a flow may have changed. Method,
 * fields and content are those of `request`, as it was before auth, cookies and hooks.
 */
function nextRequest(request: Request, call: Call, response: Response): Request | null {
  const { method, fields, content } = request
  const { url } = response
  const mayKeep = call.keepsCredentials && isSameOrigin(request.url, url)
  const hop = { method, url, fields, content, keepsCredentials: mayKeep }
  const next = nextHop(hop, response, AT_REDIRECT)
  if (next === null) return null
  const following = new Request(next.method, next.url, {
    headers: next.fields,
    content: next.content,
  })
  const followRedirects = call.followRedirects || call.followsByDefault
  remember(following, { ...call, followRedirects, keepsCredentials: next.keepsCredentials })
  return following
}
