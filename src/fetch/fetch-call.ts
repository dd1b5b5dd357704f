import type { Clock } from '../backends/backend.ts'
import type { FieldList } from '../client/field-list.ts'
import { fieldOf, withField } from '../client/field-list.ts'
import { lengthOf } from '../content/content.ts'
import { encodeBody } from '../content/encode-body.ts'
import { isBlob, isFormData, isUrlSearchParams, isWebStream } from '../content/kinds.ts'
import { toContent } from '../content/to-content.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { isToken } from '../models/field.ts'
import { memberOf } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { checkSignal } from '../models/signal.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { isUrl } from '../models/url.ts'
import { kindOf } from '../models/value-kind.ts'
import type { Integrity } from './integrity.ts'
import { parseIntegrity } from './integrity.ts'
import { refuseOptions } from './refused-options.ts'

/** The first argument of `fetch`. WHATWG Fetch 5.4 */
export type Input = string | URL | globalThis.Request
/** The second argument of `fetch`: that of the WHATWG standard, and options of Hawser. */
export interface Init extends Omit<globalThis.RequestInit, 'dispatcher'> {
  /** The timeouts of this call, as a `Client` takes them: in ms. Default: those of `createFetch`. */
  readonly timeout?: TimeoutInit
  /**
   * Sends the requests of this call: a `Dispatcher` of Hawser, such as a `ConnectionPool`. The
   * caller closes it. One of undici is refused with a `TypeError`.
   */
  readonly dispatcher?: object | null | undefined
}

export type RedirectMode = 'follow' | 'manual' | 'error'

/** The checked arguments of a call of `fetch`. */
export interface FetchCall {
  readonly url: string | URL
  readonly method: string
  readonly headers: FieldList
  /** The body given in `init`. */
  readonly content: Body | null
  /** The body of the `Request`, always a stream; null if `init` has a body. */
  readonly stream: ReadableStream<Uint8Array> | null
  readonly redirect: RedirectMode
  readonly signal: AbortSignal | null
  readonly timeout: TimeoutInit
  /** Sends the requests of the call; null for the connections of the `fetch` function. */
  readonly dispatcher: Dispatcher | null
  /** Whether redirects to other origins fail. */
  readonly sameOriginOnly: boolean
  /** What the body of the response must match; null for any body. */
  readonly integrity: Integrity | null
}

/** Methods that are converted to upper case. WHATWG Fetch 2.2.1 */
const NORMALISED_METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
const FORBIDDEN_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK'])
const NO_FIELDS: FieldList = []
/** How many bytes of a stream `bufferIfSmall` buffers at most. */
const MAX_BUFFERED = 65_536

/**
 * Reads and checks the arguments of `fetch`. Throws `TypeError` as WHATWG Fetch 5.3 requires, or
 * `StreamConsumed`.
 */
export function readFetchCall(input: Input, init: Init | undefined): FetchCall {
  const request = kindOf(input) === 'Request' ? (input as globalThis.Request) : null
  if (request === null && init === undefined) {
    return { ...PLAIN_GET, url: isUrl(input) ? input : String(input) }
  }
  const given = init ?? {}
  if (typeof given !== 'object') {
    throw new TypeError(`The options of fetch must be an object, not a ${typeof given}`)
  }
  refuseOptions(given, memberOf)
  const method = methodOf(memberOf(given, 'method') ?? request?.method)
  let headers = fieldsOf(memberOf(given, 'headers') ?? request?.headers)
  const body = memberOf(given, 'body') as Init['body']
  let content: Body | null = null
  if (body !== null && body !== undefined) {
    const duplex = memberOf(given, 'duplex')
    const extracted = extractBody(body, fieldOf(headers, 'content-type'), duplex)
    content = extracted.content
    if (extracted.type !== null) headers = withField(headers, 'content-type', extracted.type)
    if (extracted.length !== null && fieldOf(headers, 'content-length') === null) {
      headers = withField(headers, 'content-length', String(extracted.length))
    }
  }
  const stream = body === undefined && request !== null ? streamOf(request) : null
  if ((content !== null || stream !== null) && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError(`A ${method} request cannot have a body`)
  }
  const signal = memberOf(given, 'signal')
  if (signal === undefined && request !== null) requests.set(request.signal, request)
  return {
    url: request?.url ?? (isUrl(input) ? input : String(input)),
    method,
    headers,
    content,
    stream,
    redirect: redirectOf(memberOf(given, 'redirect') ?? request?.redirect),
    signal: checkSignal(signal === undefined ? request?.signal : signal),
    timeout: memberOf(given, 'timeout') as TimeoutInit,
    dispatcher: dispatcherOf(memberOf(given, 'dispatcher') ?? dispatcherIn(request)),
    sameOriginOnly: (memberOf(given, 'mode') ?? request?.mode) === 'same-origin',
    integrity: integrityOf(memberOf(given, 'integrity') ?? request?.integrity),
  }
}

/**
 * The `Request` that each signal belongs to. In Node, a `Request` that is garbage-collected no
 * longer passes the abort of the caller's signal on to its own. A call holds only the signal.
 */
const requests = new WeakMap<AbortSignal, globalThis.Request>()

/** A call without `init`. */
const PLAIN_GET: Omit<FetchCall, 'url'> = {
  method: 'GET',
  headers: NO_FIELDS,
  content: null,
  stream: null,
  redirect: 'follow',
  signal: null,
  timeout: undefined,
  dispatcher: null,
  sameOriginOnly: false,
  integrity: null,
}

function methodOf(given: unknown): string {
  if (given === undefined || given === 'GET') return 'GET'
  const method = String(given)
  if (!isToken(method)) throw new TypeError(`${JSON.stringify(method)} is not a valid HTTP method`)
  const upper = method.toUpperCase()
  if (FORBIDDEN_METHODS.has(upper)) throw new TypeError(`fetch does not allow the method ${method}`)
  return NORMALISED_METHODS.has(upper) ? upper : method
}

function redirectOf(given: unknown): RedirectMode {
  if (given === undefined) return 'follow'
  if (given === 'follow' || given === 'manual' || given === 'error') return given
  throw new TypeError(`redirect must be follow, manual or error, not ${String(given)}`)
}

function integrityOf(given: unknown): Integrity | null {
  return given === undefined || given === '' ? null : parseIntegrity(String(given))
}

/**
 * Returns the dispatcher that a `Request` was created with. That of Node.js before version 24 has it
 * in a property; later ones hide it.
 */
function dispatcherIn(request: globalThis.Request | null): unknown {
  if (request === null) return null
  const symbols = Object.getOwnPropertySymbols(request)
  const symbol = symbols.find(({ description }) => description === 'dispatcher')
  return symbol && (request as unknown as Record<symbol, unknown>)[symbol]
}

/** Those of undici have the same name and another interface. */
function dispatcherOf(given: unknown): Dispatcher | null {
  if (given === undefined || given === null) return null
  const { destroy, compose } = given as { destroy?: unknown; compose?: unknown }
  if (destroy === undefined && compose === undefined) return given as Dispatcher
  throw new TypeError(
    'fetch does not support dispatchers of undici; use createFetch({ proxies, verify, poolLimits }) or a dispatcher of Hawser',
  )
}

/**
 * Reads headers from pairs, such as those of a `Headers`, or from a record. Names and values are
 * checked later, when the request is sent.
 */
function fieldsOf(init: unknown): FieldList {
  if (init === undefined || init === null) return NO_FIELDS
  if (typeof init !== 'object') {
    throw new TypeError(`headers must be an object or pairs, not a ${typeof init}`)
  }
  const pairs = Symbol.iterator in init ? (init as Iterable<unknown>) : Object.entries(init)
  const fields: string[] = []
  for (const pair of pairs) {
    const [name, value, ...more] = pair as Iterable<unknown>
    // [name, undefined] is a pair, [name] is not.
    if (more.length > 0 || (value === undefined && (pair as unknown[]).length !== 2)) {
      throw new TypeError('headers must contain [name, value] pairs')
    }
    fields.push(String(name), trimWhitespace(String(value)))
  }
  return fields
}

/** "To normalize a byte sequence": WHATWG Fetch 2.2.2 */
function trimWhitespace(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isWhitespace(value.charCodeAt(start))) start++
  while (end > start && isWhitespace(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

/** Whether the code is that of tab, line feed, carriage return or space. */
function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}

function streamOf(request: globalThis.Request): FetchCall['stream'] {
  if (request.bodyUsed) throw new TypeError('The body of the Request has already been read')
  return request.body as FetchCall['stream']
}

interface ExtractedBody {
  readonly content: Body
  /** The Content-Type to set; null to leave it as it is. */
  readonly type: string | null
  /** The Content-Length to set; null to leave it as it is. */
  readonly length: number | null
}

/**
 * "To extract a body": WHATWG Fetch 5.2.
 *
 * @param contentType the Content-Type that the caller gave, null if there is none
 */
function extractBody(
  body: NonNullable<Init['body']>,
  contentType: string | null,
  duplex: unknown,
): ExtractedBody {
  const withType = (content: Body, type: string): ExtractedBody => ({
    content,
    type: contentType === null && type !== '' ? type : null,
    length: null,
  })
  if (typeof body === 'string') return withType(body, 'text/plain;charset=UTF-8')
  if (typeof body === 'object') {
    if (isUrlSearchParams(body)) {
      return withType(String(body), 'application/x-www-form-urlencoded;charset=UTF-8')
    }
    if (isFormData(body)) {
      const form = encodeBody({ data: body as FormData }, contentType)
      if (form !== null) {
        return { content: form.content, type: form.contentType, length: lengthOf(form.content) }
      }
    }
    if (isBlob(body)) {
      const { size, type } = body as Blob
      return { ...withType(toContent(body as Blob), type), length: size }
    }
    if (isWebStream(body) || Symbol.asyncIterator in body) {
      if (duplex !== 'half') throw new TypeError("A stream body requires the option duplex: 'half'")
      return withType(toContent(body as AsyncIterable<Uint8Array>, 'body'), '')
    }
    if (ArrayBuffer.isView(body) || kindOf(body).endsWith('ArrayBuffer')) {
      // A copy, as the standard requires: the caller may change the bytes before they are sent.
      return withType(Uint8Array.from(toContent(body as Uint8Array) as Uint8Array), '')
    }
  }
  return withType(String(body), 'text/plain;charset=UTF-8')
}

/**
 * Returns the bytes of a stream that ends within one turn of the event loop and has at most 64 KiB.
 * The stream of a `Request` with a string or bytes does. Bytes have a length and can be sent again.
 * Otherwise, returns a stream with the same content.
 */
export async function bufferIfSmall(
  stream: ReadableStream<Uint8Array>,
  clock: Clock,
): Promise<Body> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  let next = reader.read()
  const turn = new Promise<null>((resolve) => clock.afterPending(() => resolve(null)))
  while (size <= MAX_BUFFERED) {
    const step = await Promise.race([next, turn])
    if (step === null) break
    if (step.done) return Buffer.concat(chunks)
    chunks.push(step.value)
    size += step.value.byteLength
    next = reader.read()
  }
  next.catch(() => {}) // avoids an unhandled rejection: `ContinuedStream` reports the error
  return toContent(new ContinuedStream(chunks, next, reader))
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** The chunks of a stream of which some have been read already. */
class ContinuedStream implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: Uint8Array[]
  #next: ReturnType<Reader['read']> | null
  readonly #reader: Reader

  constructor(chunks: Uint8Array[], next: ReturnType<Reader['read']>, reader: Reader) {
    this.#chunks = chunks
    this.#next = next
    this.#reader = reader
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#chunks.shift()
    if (value !== undefined) return { done: false, value }
    const next = this.#next ?? this.#reader.read()
    this.#next = null
    return (await next) as IteratorResult<Uint8Array>
  }

  async return(reason?: unknown): Promise<IteratorResult<Uint8Array>> {
    await this.#reader.cancel(reason)
    return { done: true, value: undefined }
  }
}
