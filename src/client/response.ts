import type { UnderlyingSource } from 'node:stream/web'
import { inspect } from 'node:util'
import { collect, decoderFor, limitSize } from '../content/decoding/decoder.ts'
import type { EventStreamOptions, ServerSentEvent } from '../content/event-stream.ts'
import { iterEvents } from '../content/event-stream.ts'
import type { RecordSizeOptions } from '../content/json-records.ts'
import { encodeText, iterJSONRecords } from '../content/json-records.ts'
import type { RecordContext } from '../content/record-splitter.ts'
import { iterLines, iterText } from '../content/text.ts'
import type { DecodingErrorFacts } from '../errors.ts'
import {
  DecodingError,
  HTTPStatusError,
  ResponseNotRead,
  redactUrl,
  StreamClosed,
  StreamConsumed,
} from '../errors.ts'
import type { OwnedBytes } from '../models/bytes.ts'
import { charsetNamed, charsetOf, decodeJson, decodeText } from '../models/charset.ts'
import { webClass } from '../models/environment.ts'
import type { Headers } from '../models/headers.ts'
import { singleValue } from '../models/headers.ts'
import { checkOptions, option, withoutPrototype } from '../models/options.ts'
import { throwIfAborted } from '../models/signal.ts'
import { isThenable } from '../models/value-kind.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import { shortLine } from '../redaction.ts'
import type { CallSettings } from './call.ts'
import { setCallSettings, totalTimeout, withRequest } from './call.ts'
import { CallGuard, mayHaveEnded } from './call-guard.ts'
import type { Cookies } from './cookies/cookies.ts'
import { responseCookies } from './cookies/cookies.ts'
import type { Link } from './links.ts'
import { parseLinks } from './links.ts'
import { isRedirect, nextHop } from './redirect.ts'
import { Request } from './request.ts'
import type { StandardSchema } from './standard-schema.ts'
import { checkSchema, validate } from './standard-schema.ts'
import { isSameOrigin } from './url.ts'
import type { ClientWaits } from './waits.ts'
import { awaitInterruptibly } from './waits.ts'

/** How a response came about: the request, its settings, and what preceded it in the call. */
export interface ResponseContext {
  /** The request as it was sent, with credentials and cookies. */
  readonly request: Request
  /**
   * The request before auth, cookies and hooks. The request after a redirect is derived from it.
   */
  readonly baseRequest: Request
  readonly settings: CallSettings
  readonly waits: ClientWaits
  /** When the call started, in ms of the clock in `settings`. */
  readonly startedAt: number
  /** When the exchange of this response started, on the same clock. */
  readonly sentAt: number
  readonly history: readonly Response[]
}

/**
 * The facts of errors that occur after the head of a response: decoding, size and redirects.
 */
export const AFTER_HEAD = { phase: 'read', responseStarted: true } as const

/** How many bytes of an error response are kept for the code that catches the error of a hook. */
const MAX_KEPT = 65_536
/** Options of `response.json()`. */
export interface JSONOptions<T = unknown> {
  /** A synchronous schema that checks the value. The result is the value that it returns. */
  readonly schema?: StandardSchema<T> | undefined
}

/** Options of `response.iterJSON()`. */
export interface JSONRecordOptions<T = unknown> extends JSONOptions<T>, RecordSizeOptions {}

/**
 * A response. Those of `client.get()` and the other methods that read the body are complete. Those
 * of `client.stream()` still have an unread body: read it to its end, or close the response.
 */
export class Response {
  readonly #engineResponse: EngineResponse
  readonly #context: ResponseContext
  #encoding: string | null = null
  #bytes: OwnedBytes | null = null
  #pendingRead: Promise<OwnedBytes> | null = null
  #elapsed = Number.NaN
  #cookies: Cookies | null = null
  #nextRequest: Request | null = null
  #lazyGuard: CallGuard | null = null
  #isClosed = false
  /** Whether `keepBeginning` reads the body. */
  #isKept = false
  #onEnded: (() => void) | null = null

  /** @internal */
  constructor(engineResponse: EngineResponse, context: ResponseContext) {
    this.#engineResponse = engineResponse
    this.#context = context
  }

  /** The status code. */
  get status(): number {
    return this.#engineResponse.status
  }

  /** The reason phrase; it can be empty. */
  get statusText(): string {
    return this.#engineResponse.statusText
  }

  /** The HTTP version: `1.0` or `1.1`. */
  get httpVersion(): string {
    return this.#engineResponse.httpVersion
  }

  /** The header fields as received. */
  get headers(): Headers {
    return this.#engineResponse.headers
  }

  /** The trailer fields; null until the body has ended. RFC 9110 6.5 */
  get trailers(): Headers | null {
    return this.#engineResponse.trailers
  }

  /** The request that this response answers, as it was sent. */
  get request(): Request {
    return this.#context.request
  }

  /** The URL of that request: after redirects the last one. */
  get url(): URL {
    return this.#context.request.url
  }

  /**
   * The earlier responses of the call: redirects, and those after which auth sent another request.
   */
  get history(): readonly Response[] {
    return this.#context.history
  }

  /**
   * The time from sending this response's request to the end of the body (until then: to now), in
   * ms. It includes the wait for a connection, but no earlier exchange of the call.
   */
  get elapsed(): number {
    const { settings, sentAt } = this.#context
    return Number.isNaN(this.#elapsed) ? settings.clock.now() - sentAt : this.#elapsed
  }

  /**
   * The time from the start of the call to the end of the body (until then: to now), in ms. It
   * includes redirects, auth rounds, retries and hooks.
   */
  get callElapsed(): number {
    const { startedAt, sentAt } = this.#context
    return sentAt - startedAt + this.elapsed
  }

  /** The cookies that this response sets. */
  get cookies(): Cookies {
    this.#cookies ??= responseCookies(this.headers, this.url)
    return this.#cookies
  }

  /** The links of the Link fields, by their relation. RFC 8288 */
  get links(): Record<string, Link> {
    return parseLinks(this.headers.get('link'))
  }

  /**
   * The charset of `text()`, unless the body begins with a byte order mark, which decides it.
   * Default: that of Content-Type if it is known, otherwise `utf-8`.
   */
  get encoding(): string {
    return this.#encoding ?? charsetOf(singleValue(this.headers, 'content-type'))
  }

  /** Sets the charset. Throws `RangeError` if the runtime does not know it. */
  set encoding(charset: string) {
    const name = charsetNamed(charset)
    if (name === null) throw new RangeError(`Unknown charset ${JSON.stringify(charset)}`)
    this.#encoding = name
  }

  /** Whether the status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  /** Whether this is a redirect: status 301, 302, 303, 307 or 308, with a Location. */
  get isRedirect(): boolean {
    return isRedirect(this.status) && Boolean(singleValue(this.headers, 'location'))
  }

  /** Whether the status is 400 or above. */
  get isError(): boolean {
    return this.status >= 400
  }

  /**
   * The request that follows this redirect, for `client.send()`; null if this is not a redirect.
   * Each access returns the same object. Throws `RemoteProtocolError` or `UnsupportedProtocol` for
   * a Location that cannot be followed.
   */
  get nextRequest(): Request | null {
    const { baseRequest, settings, request } = this.#context
    if (this.#nextRequest !== null) return this.#nextRequest
    try {
      this.#nextRequest = nextRequest(baseRequest, settings, this)
      return this.#nextRequest
    } catch (error) {
      throw withRequest(error, request, settings)
    }
  }

  /** Returns this response. Throws `HTTPStatusError` if its status is 400 or above. */
  raiseForStatus(): this {
    if (!this.isError) return this
    throw new HTTPStatusError(
      `${shortLine(`${this.status} ${this.statusText}`, 200)} from ${redactUrl(this.url)}`,
      { request: this.request, response: this },
    )
  }

  // --- read

  /**
   * Reads the whole body into memory, and returns this response. Later calls have no effect.
   *
   * Rejects with a `HawserError`: for example `ReadTimeout`, `DecodingError`, `ResponseTooLarge`,
   * or `StreamConsumed` if the body was iterated. Also rejects with what `onDownloadProgress`
   * throws.
   */
  async read(): Promise<this> {
    if (this.#bytes === null && !this.readReceived()) {
      this.#pendingRead ??= this.#readAll()
      try {
        this.#bytes = await this.#pendingRead
      } catch (error) {
        throw this.#fail(error)
      }
      this.#markEnded()
    }
    return this
  }

  /**
   * Reads the body without a promise, and returns whether that was possible: it has arrived, and
   * nothing ends the call. @internal
   */
  readReceived(): boolean {
    if (this.#pendingRead !== null || !this.#isGuarded) return false
    const { settings, waits: owner } = this.#context
    const { maxResponseSize, onDownloadProgress, signal, timeout } = settings
    if (onDownloadProgress !== null) return false
    if (mayHaveEnded({ signal, deadline: timeout.total, owner })) return false
    try {
      const content = this.#decodeReceived(maxResponseSize ?? Number.POSITIVE_INFINITY)
      if (content instanceof Promise) this.#pendingRead = content
      else this.#bytes = content
    } catch (error) {
      throw this.#fail(error)
    }
    if (this.#bytes === null) return false
    this.#markEnded()
    return true
  }

  /** Decodes a body that has arrived; one that is large or invalid asynchronously. */
  #decodeReceived(max: number): OwnedBytes | Promise<OwnedBytes> | null {
    const decoder = this.#decoder()
    if (decoder === null) return this.#engineResponse.receivedBytes(max)
    const received = this.#engineResponse.receivedBytes(Number.POSITIVE_INFINITY)
    return received && decoder.decodeBytes(received, max, this.#guard)
  }

  /**
   * Returns the decoded body. Each call returns the same bytes, not a copy. Like the other methods
   * that return the body, throws `ResponseNotRead` before `read()`, and `StreamClosed` if the
   * response was closed without being read.
   */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes !== null) return this.#bytes
    const facts = { request: this.request }
    if (this.#isClosed) {
      throw new StreamClosed('The response was closed before its body was read', facts)
    }
    throw new ResponseNotRead(
      'The body has not been read: call `await response.read()` first',
      facts,
    )
  }

  /** Returns a copy of the decoded body as an `ArrayBuffer`. */
  arrayBuffer(): ArrayBuffer {
    return new Uint8Array(this.bytes()).buffer
  }

  /** Returns a copy of the decoded body as a `Blob` with the Content-Type of the response. */
  blob(): Blob {
    const type = singleValue(this.headers, 'content-type') ?? ''
    return new Blob([this.bytes()], withoutPrototype({ type }))
  }

  /**
   * Returns the body as text, decoded with the charset of its byte order mark, or without one with
   * `encoding`.
   */
  text(): string {
    return decodeText(this.bytes(), this.encoding)
  }

  /**
   * Parses the body as JSON. It is decoded as UTF-8, or if it is not UTF-8 as `text()` does. Without
   * `schema`, `T` is an unchecked type assertion. With it, returns the value that the schema returns.
   *
   * Throws `SyntaxError` if the body is not JSON, `DecodingError` with `issues` if it does not match
   * the schema, and `TypeError` for an asynchronous schema.
   */
  json<T = unknown>(options?: JSONOptions<T>): T {
    const text = decodeJson(this.bytes(), this.encoding)
    if (options === undefined) return JSON.parse(text) as T
    checkOptions('json', options, ['schema'])
    const check = this.#validator(option(options, 'schema', undefined))
    return check(JSON.parse(text), 'The JSON of the response')
  }

  // --- streamed

  /**
   * Iterates over the decoded body as it arrives. Leaving the loop early closes the response.
   * Rejects as `read()` does.
   */
  iterBytes(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    return this.#iterate(() =>
      this.#isKept ? this.#keptChunks() : (this.#readChunks() ?? this.#decodedChunks()),
    )
  }

  /** Iterates over the body as text, decoded as `text()` does. Characters are never split. */
  iterText(): AsyncGenerator<string, void, undefined> {
    return iterText(this.iterBytes(), this.encoding)
  }

  /** Iterates over the lines of the body, without the line ends LF, CR or CRLF. */
  iterLines(): AsyncGenerator<string, void, undefined> {
    return this.#untilAborted(iterLines(this.iterText()))
  }

  /**
   * Iterates over server-sent events as they arrive: a body of the type `text/event-stream`, which
   * is always UTF-8. An event that is not complete at the end of the body is ignored. WHATWG HTML
   * 9.2
   *
   * Leaving the loop early closes the response. Rejects as `read()` does, and with `DecodingError`
   * for another Content-Type and for an event that is larger than `maxEventSize`. A stream that is
   * silent for longer than `timeout.read` fails with `ReadTimeout`.
   */
  iterEvents(options: EventStreamOptions = {}): AsyncGenerator<ServerSentEvent, void, undefined> {
    return this.#untilAborted(iterEvents(this.iterBytes(), options, this.#recordContext))
  }

  /**
   * Iterates over JSON records as they arrive: one for each line (NDJSON, JSON Lines), or for each
   * record of a body of the type `application/json-seq` (RFC 7464). Empty lines are ignored. `T` is
   * an unchecked type assertion, unless a `schema` is given. A record is decoded as `json()` does.
   *
   * Leaving the loop early closes the response. Rejects as `read()` does, and with `DecodingError`
   * for a record that is not JSON, is larger than `maxRecordSize` or does not match the schema.
   */
  iterJSON<T = unknown>(options: JSONRecordOptions<T> = {}): AsyncGenerator<T, void, undefined> {
    checkOptions('iterJSON', options, ['maxRecordSize', 'schema'])
    const check = this.#validator(option(options, 'schema', undefined))
    const isUtf16 = this.encoding.startsWith('utf-16')
    const chunks = isUtf16 ? encodeText(this.iterText()) : this.iterBytes()
    const charset = isUtf16 ? 'utf-8' : this.encoding
    const records = iterJSONRecords(chunks, charset, options, this.#recordContext)
    return this.#untilAborted(validated(records, check))
  }

  /** Iterates over the body as received, without decoding the content codings. */
  iterRaw(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    return this.#iterate(() => this.#limitSize(this.#receivedChunks()))
  }

  /** Returns the decoded body as a web stream. Cancelling the stream closes the response. */
  bodyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const chunks = this.iterBytes()
    return new (webClass('ReadableStream'))(
      withoutPrototype<UnderlyingSource<OwnedBytes>>({
        async pull(controller) {
          const { done, value } = await chunks.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        // `chunks.return()` would do nothing before the first chunk, and would wait for a pending
        // one.
        cancel: () => this.close(),
      }),
      withoutPrototype({ highWaterMark: 0 }),
    )
  }

  /**
   * Discards the unread part of the body. A small remainder is read, so that the connection can be
   * reused; with a large one, the connection is closed.
   */
  close(): Promise<void> {
    this.#engineResponse.close()
    if (Number.isNaN(this.#elapsed)) {
      this.#lazyGuard?.stop()
      this.#isClosed = true
    }
    this.#markEnded()
    return Promise.resolve()
  }

  /** Does the same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Starts to read the first 64 KiB of the decoded body, for code that reads the response later.
   * Then closes the response. Reads nothing if the body was read, is being read or was closed.
   * @internal
   */
  keepBeginning(): void {
    if (this.#pendingRead !== null || !Number.isNaN(this.#elapsed)) return
    this.#isKept = true
    const reading = this.#readBeginning()
    this.#pendingRead = reading
    // A failure is an error of the `read()` that needs the body.
    reading.then(
      () => this.#markEnded(),
      () => this.close(),
    )
  }

  async #readBeginning(): Promise<OwnedBytes> {
    const chunks: OwnedBytes[] = []
    let length = 0
    for await (const chunk of this.#decodedChunks()) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= MAX_KEPT) break
    }
    return Buffer.concat(chunks).subarray(0, MAX_KEPT)
  }

  /**
   * Calls `callback` when the body has ended, failed or been closed and the upload is complete;
   * immediately if both hold. @internal
   */
  whenEnded(callback: () => void): void {
    if (Number.isNaN(this.#elapsed)) this.#onEnded = callback
    else this.#engineResponse.whenSent(callback)
  }

  get #recordContext(): RecordContext {
    const contentType = this.headers.get('content-type')
    return {
      contentType,
      fail: (message, facts) => {
        void this.close()
        return this.#decodingError(message, facts)
      },
    }
  }

  /** Returns a function that checks a value, whose name it gets for the message of the error. */
  #validator<T>(schema: StandardSchema<T> | undefined): Validator<T> {
    if (schema === undefined) return (value) => value as T
    const checked = checkSchema(schema)
    return (value, name) =>
      validate(checked, value, (reason, issues) =>
        this.#decodingError(`${name} does not match the schema: ${reason}`, { issues }),
      )
  }

  #decodingError(
    message: string,
    facts?: Pick<DecodingErrorFacts, 'cause' | 'issues'>,
  ): DecodingError {
    const { request } = this
    const where = `${request.method} ${redactUrl(request.url)}`
    return new DecodingError(`${message} (${where})`, { ...AFTER_HEAD, request, ...facts })
  }

  /** Rejects after an abort, although more values of a chunk may be left that has arrived before. */
  #untilAborted<Value>(
    values: AsyncGenerator<Value, void, undefined>,
  ): AsyncGenerator<Value, void, undefined> {
    const { signal } = this.#context.settings
    return this.#bytes === null && signal !== null ? untilAborted(values, signal) : values
  }

  async #readAll(): Promise<OwnedBytes> {
    const { maxResponseSize, onDownloadProgress } = this.#context.settings
    const max = maxResponseSize ?? Number.POSITIVE_INFINITY
    if (this.#isGuarded) this.#guard.check()
    const decoder = this.#decoder()
    if (decoder !== null) return decoder.decodeAll(this.#receivedChunks(), max, this.#guard)
    if (onDownloadProgress === null) return this.#engineResponse.bytes({ max })
    return collect(this.#decodedChunks())
  }

  /** Whether the call is in progress, but its exchange, which would end it, has ended. */
  get #isGuarded(): boolean {
    return this.#engineResponse.trailers !== null && Number.isNaN(this.#elapsed)
  }

  get #guard(): CallGuard {
    this.#lazyGuard ??= this.#createGuard()
    return this.#lazyGuard
  }

  #createGuard(): CallGuard {
    const { settings, startedAt, waits } = this.#context
    const { signal, clock, timeout } = settings
    return new CallGuard({
      signal,
      deadline: timeout.total === null ? null : startedAt + timeout.total,
      timeoutError: () => this.#totalTimeout('reading the received body'),
      owner: waits,
      clock,
    })
  }

  #totalTimeout(activity: string): unknown {
    const { request, settings } = this.#context
    const where = `${request.method} ${redactUrl(request.url)}, ${activity}`
    return totalTimeout(settings, where, { ...AFTER_HEAD, request })
  }

  #decoder() {
    if (!this.#engineResponse.mayHaveContentEncoding) return null
    try {
      return decoderFor(this.headers.get('content-encoding'), AFTER_HEAD)
    } catch (error) {
      this.#engineResponse.close()
      throw error
    }
  }

  #decodedChunks(): AsyncIterable<OwnedBytes> {
    const decoder = this.#decoder()
    const received = this.#receivedChunks()
    if (decoder === null) return this.#limitSize(received)
    const { maxResponseSize } = this.#context.settings
    return decoder.decode(received, maxResponseSize ?? Number.POSITIVE_INFINITY, this.#guard)
  }

  /** Returns the body if it has been read, otherwise null. */
  #readChunks(): Iterable<OwnedBytes> | null {
    if (this.#bytes === null) return null
    return this.#bytes.length > 0 ? [this.#bytes] : []
  }

  async *#keptChunks(): AsyncGenerator<OwnedBytes, void, undefined> {
    await this.read()
    yield* this.#readChunks() ?? []
  }

  #limitSize(chunks: AsyncIterable<OwnedBytes>): AsyncIterable<OwnedBytes> {
    const { maxResponseSize } = this.#context.settings
    return maxResponseSize === null ? chunks : limitSize(chunks, maxResponseSize, AFTER_HEAD)
  }

  #receivedChunks(): AsyncIterable<OwnedBytes> {
    const { onDownloadProgress } = this.#context.settings
    if (onDownloadProgress === null) return this.#engineResponse
    return this.#reportProgress(onDownloadProgress)
  }

  async *#reportProgress(
    report: NonNullable<CallSettings['onDownloadProgress']>,
  ): AsyncGenerator<OwnedBytes, void, undefined> {
    const length = this.headers.get('content-length')
    // A repeated field is `5, 5`.
    const total = length === null ? null : Number.parseInt(length, 10)
    let bytes = 0
    for await (const chunk of this.#engineResponse) {
      bytes += chunk.length
      const reported: unknown = report({ bytes, total })
      if (isThenable(reported)) await this.#awaitCallerCode(reported)
      yield chunk
    }
  }

  /** Waits for the result of a function of the caller, at most until the call must end. */
  #awaitCallerCode(pending: PromiseLike<unknown>): Promise<unknown> {
    const { settings, startedAt, waits } = this.#context
    const { signal, timeout, clock } = settings
    const timeLeft = timeout.total === null ? null : startedAt + timeout.total - clock.now()
    const timeoutError = () => this.#totalTimeout('in onDownloadProgress')
    return awaitInterruptibly(pending, { signal, timeLeft, timeoutError, isTimed: false, waits })
  }

  async *#iterate(
    open: () => AsyncIterable<OwnedBytes> | Iterable<OwnedBytes>,
  ): AsyncGenerator<OwnedBytes, void, undefined> {
    let failed = false
    try {
      // A chunk that was received in time is passed on even if the event loop was blocked.
      let isGuarded = this.#isGuarded
      for await (const chunk of open()) {
        if (isGuarded) this.#guard.check()
        yield chunk
        isGuarded = this.#isGuarded
      }
    } catch (error) {
      failed = true
      throw this.#fail(error)
    } finally {
      if (!failed) this.#markEnded()
    }
  }

  #fail(error: unknown): unknown {
    // `StreamConsumed`: another reader has the body and continues to read it.
    if (!(error instanceof StreamConsumed)) this.#markEnded()
    return withRequest(error, this.request, this.#context.settings)
  }

  #markEnded(): void {
    if (!Number.isNaN(this.#elapsed)) return
    this.#elapsed = this.elapsed
    if (this.#onEnded !== null) this.#engineResponse.whenSent(this.#onEnded)
  }

  [inspect.custom](): string {
    return `<Response [${shortLine(`${this.status} ${this.statusText}`, 100)}]>`
  }
}

/** Checks a value. `name` tells in the message of the error what it is. */
type Validator<T> = (value: unknown, name: string) => T

async function* validated<T>(
  records: AsyncIterable<unknown>,
  check: Validator<T>,
): AsyncGenerator<T, void, undefined> {
  let index = 0
  for await (const record of records) yield check(record, `The record at index ${index++}`)
}

async function* untilAborted<Value>(
  values: AsyncIterable<Value>,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  for await (const value of values) {
    throwIfAborted(signal)
    yield value
  }
}

/**
 * Location is resolved against the URL of the response, which a hook or an auth flow may have
 * changed. Method, fields and content are those of `request`, before auth, cookies and hooks.
 */
function nextRequest(request: Request, settings: CallSettings, response: Response): Request | null {
  const { method, fields, content } = request
  const { url } = response
  const keepsCredentials = settings.keepsCredentials && isSameOrigin(request.url, url)
  const { wasDowngraded } = settings
  const hop = nextHop(
    { method, url, fields, content, keepsCredentials, wasDowngraded },
    response,
    AFTER_HEAD,
  )
  if (hop === null) return null
  const next = new Request(hop.method, hop.url, { headers: hop.fields, content: hop.content })
  setCallSettings(next, {
    ...settings,
    followRedirects: settings.followRedirects || settings.followsByDefault,
    keepsCredentials: hop.keepsCredentials,
    wasDowngraded: hop.wasDowngraded,
  })
  return next
}
