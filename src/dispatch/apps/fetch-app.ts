/**
 * Calls fetch handlers, and converts requests and responses between Hawser and the Fetch standard.
 */
import type { UnderlyingSource } from 'node:stream/web'
import type { HostPort } from '../../backends/memory-peer.ts'
import { ClosableIterator } from '../../content/closable-iterator.ts'
import { isInMemory, toBytes } from '../../content/content.ts'
import { isWebStream } from '../../content/kinds.ts'
import { ReaderIterator } from '../../content/web-stream.ts'
import { LocalProtocolError } from '../../errors.ts'
import { webClass } from '../../models/environment.ts'
import { Headers } from '../../models/headers.ts'
import { memberOf, option, withoutPrototype } from '../../models/options.ts'
import type { Body } from '../../models/request.ts'
import { asError } from '../../models/value-kind.ts'
import type { InProcessCall, InProcessResponse } from '../in-process/in-process-call.ts'
import {
  RequestContentReader,
  receivedHeaders,
  targetUri,
} from '../in-process/in-process-request.ts'

/** The second argument of a fetch handler. */
export interface FetchInfo {
  /** The client's address and port. */
  readonly client: HostPort
  /** The path under which the app is mounted. The URL of the request keeps this path. */
  readonly rootPath: string
}

/** Answers a `Request` of the Fetch standard with a `Response`. */
export type FetchHandler = (
  request: globalThis.Request,
  info: FetchInfo,
) => globalThis.Response | PromiseLike<globalThis.Response>

/** Fields about the connection, which a `Request` does not have. RFC 9110 7.6.1 */
const CONNECTION_FIELDS = new Set([
  'connection',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Calls `app` with the request of `call`. Rejects with the error that the app throws. */
export async function callFetchApp(
  app: FetchHandler,
  info: FetchInfo,
  call: InProcessCall,
  body: Body | null,
): Promise<InProcessResponse> {
  const aborter = new AbortController()
  const content = body === null ? null : requestContent(body, call)
  call.onSettled = (early) => {
    content?.cancel()
    if (early) aborter.abort()
  }
  const request = toFetchRequest(call, content?.body ?? null, aborter.signal)
  return fromFetchResponse(await app(request, info))
}

/**
 * Makes a `Request`. Its constructor throws for what browsers may not send: a GET with content,
 * CONNECT and TRACE.
 */
function toFetchRequest(
  call: InProcessCall,
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): globalThis.Request {
  const { exchange } = call
  const { request } = exchange
  const { method } = request
  const headers = [...receivedHeaders(request)].filter(
    ([name]) => !CONNECTION_FIELDS.has(name.toLowerCase()),
  )
  try {
    const init = withoutPrototype({
      method,
      headers,
      body,
      signal,
      duplex: 'half',
      redirect: 'manual',
    })
    return new (webClass('Request'))(targetUri(request), init as RequestInit)
  } catch (cause) {
    const { message } = asError(cause)
    const text = `A fetch app cannot receive this request: ${message} (${exchange.describe()})`
    const error = new LocalProtocolError(text, exchange.errorFacts(cause))
    exchange.fail(error)
    throw error
  }
}

/**
 * Returns the content for a `Request`: bytes or a stream. For a string, the `Request` constructor
 * would add a Content-Type. Call `cancel` when the call has ended: no more content is read.
 */
function requestContent(body: Body, call: InProcessCall) {
  if (isInMemory(body)) return { body: toBytes(body), cancel() {} }
  const source = new RequestContentReader(call, body)
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const init = new (webClass('ReadableStream'))<Uint8Array>(
    withoutPrototype<UnderlyingSource<Uint8Array>>({
      start(given) {
        controller = given
      },
      async pull() {
        const chunk = await source.next()
        if (chunk === null) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: () => source.cancel(),
    }),
    withoutPrototype({ highWaterMark: 0 }),
  )
  return {
    body: init,
    cancel() {
      source.cancel()
      // Without an error, an app that is still reading would take the content so far for all of it.
      controller.error(new DOMException('The request was aborted', 'AbortError'))
    },
  }
}

/** The members of a `Response` that are used, so that polyfills and other realms work too. */
interface ResponseLike {
  readonly type?: string
  readonly status: number
  readonly statusText?: string
  readonly headers: Iterable<[string, string]>
  readonly body: ReadableStream<Uint8Array> | null
  readonly bodyUsed?: boolean
}

/** Whether a value has the members of a `Response`. */
export function isFetchResponse(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false
  const [status, headers, body] = ['status', 'headers', 'body'].map((name) => memberOf(value, name))
  if (typeof status !== 'number' || typeof headers !== 'object' || headers === null) return false
  const isReadable = typeof body === 'object' && (body === null || isWebStream(body))
  return Symbol.iterator in headers && isReadable
}

/** Converts a `Response`. Throws `TypeError` if `value` is not one, or cannot be sent. */
export function fromFetchResponse(value: unknown): InProcessResponse {
  if (!isFetchResponse(value)) {
    const kind = value === null ? 'null' : typeof value
    throw new TypeError(`The fetch app must return a Response, but returned ${kind}`)
  }
  const { type, status, statusText, headers, body } = value
  if (type === 'error') throw new TypeError('The fetch app returned Response.error()')
  if (body?.locked || value.bodyUsed) {
    throw new TypeError('The fetch app returned a Response whose body is already used')
  }
  return {
    head: {
      status,
      statusText: statusText || reasonPhraseOf(status),
      httpVersion: '1.1',
      headers: new Headers([...headers]),
    },
    content: body === null ? null : new ClosableIterator(new ReaderIterator(body.getReader())),
    allowsText: false,
    trailers: undefined,
  }
}

/** The standard reason phrase for a status; empty if it has none. RFC 9110 15 */
export function reasonPhraseOf(status: number): string {
  const { STATUS_CODES } = process.getBuiltinModule('node:http')
  return option(STATUS_CODES, status, '')
}
