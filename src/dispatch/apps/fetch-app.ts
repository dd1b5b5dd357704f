/** Calls fetch handlers: with a `Request` of the platform, for a `Response`. */
import { createRequire } from 'node:module'
import type { HostPort } from '../../backends/memory-peer.ts'
import { ClosableIterator } from '../../content/closable-iterator.ts'
import { ReaderIterator } from '../../content/web-stream.ts'
import { LocalProtocolError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Body } from '../../models/request.ts'
import type { LocalAnswer, LocalCall } from '../local/local-call.ts'
import { LocalContent, receivedHeaders, targetUri } from '../local/local-request.ts'

const require = createRequire(import.meta.url)

/** What a fetch app gets beside the request. */
export interface FetchInfo {
  /** Who calls. */
  readonly client: HostPort
  /** Where the app is mounted; the request's URL is whole nevertheless. */
  readonly rootPath: string
}

/** An app that answers a `Request` of the platform with a `Response`. */
export type FetchHandler = (
  request: globalThis.Request,
  info: FetchInfo,
) => globalThis.Response | PromiseLike<globalThis.Response>

/** These speak of a connection, and there is none; a proxy could not send them on either. RFC 9110 7.6.1 */
const OF_CONNECTION = new Set([
  'connection',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Asks `app` for its answer to what `call` carries. Rejects with what the app throws. */
export async function askFetchApp(
  app: FetchHandler,
  info: FetchInfo,
  call: LocalCall,
  body: Body | null,
): Promise<LocalAnswer> {
  const left = new AbortController()
  const content = body === null ? null : contentOf(body, call)
  call.onOver = (early) => {
    content?.giveUp()
    if (early) left.abort()
  }
  const request = requestOf(call, content?.init ?? null, left.signal)
  return fetchAnswer(await app(request, info))
}

/** The platform refuses what a browser may not send: a GET with content, CONNECT, TRACE. */
function requestOf(
  call: LocalCall,
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): globalThis.Request {
  const { exchange } = call
  const { request } = exchange
  const headers = [...receivedHeaders(request)].filter(
    ([name]) => !OF_CONNECTION.has(name.toLowerCase()),
  )
  const { method } = request
  try {
    const init = { method, headers, body, signal, duplex: 'half', redirect: 'manual' }
    return new globalThis.Request(targetUri(request), init as RequestInit)
  } catch (cause) {
    const what = `A fetch app cannot be given this request: ${(cause as Error).message}`
    const error = new LocalProtocolError(
      `${what} (${exchange.describe()})`,
      exchange.errorFacts(cause),
    )
    exchange.fail(error)
    throw error
  }
}

interface RequestContent {
  readonly init: Uint8Array | ReadableStream<Uint8Array>
  /** The call is over. */
  giveUp(): void
}

/** Bytes always: for a string the platform would make up a Content-Type. */
function contentOf(body: Body, call: LocalCall): RequestContent {
  if (typeof body === 'string') return { init: Buffer.from(body), giveUp() {} }
  if (body instanceof Uint8Array) return { init: body, giveUp() {} }
  const source = new LocalContent(call, body)
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const init = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      async pull() {
        const chunk = await source.next()
        if (chunk === null) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  )
  return {
    init,
    giveUp() {
      source.cancel()
      // An app that still reads must not take what it has for the whole.
      controller.error(new DOMException('The caller has left', 'AbortError'))
    },
  }
}

/** What is read of a `Response`: of the platform's, of a polyfill's, of another realm's. */
interface ResponseLike {
  readonly type?: string
  readonly status: number
  readonly statusText?: string
  readonly headers: Iterable<[string, string]>
  readonly body: ReadableStream<Uint8Array> | null
  readonly bodyUsed?: boolean
}

/** By its looks. */
export function isResponse(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false
  const { status, headers, body } = value as Partial<ResponseLike>
  if (typeof status !== 'number' || typeof headers !== 'object' || headers === null) return false
  return Symbol.iterator in headers && (body === null || typeof body?.getReader === 'function')
}

/** The answer that a `Response` is. Throws `TypeError` for what is none, or cannot be sent. */
export function fetchAnswer(value: unknown): LocalAnswer {
  if (!isResponse(value)) {
    const what = value === null ? 'null' : typeof value
    throw new TypeError(`A fetch app has to return a Response, and this one returned ${what}`)
  }
  const { type, status, statusText, headers, body } = value
  if (type === 'error') throw new TypeError('The fetch app returned Response.error()')
  if (body?.locked || value.bodyUsed) {
    throw new TypeError('The fetch app returned a Response whose body has been used already')
  }
  return {
    head: {
      status,
      statusText: statusText || reasonOf(status),
      httpVersion: '1.1',
      headers: new Headers([...headers]),
    },
    content: body === null ? null : contentOfBody(body),
  }
}

function contentOfBody(body: ReadableStream<Uint8Array>): ClosableIterator {
  const chunks = new ReaderIterator(body.getReader())
  return new ClosableIterator({ [Symbol.asyncIterator]: () => chunks })
}

/** The reason phrase that servers give a status without one. RFC 9110 15 */
export function reasonOf(status: number): string {
  const { STATUS_CODES } = require('node:http') as typeof import('node:http')
  return STATUS_CODES[status] ?? ''
}
