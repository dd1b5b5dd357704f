import { LocalProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { Body, DispatchRequest } from '../models/request.ts'
import type { ContentLength, ProxyRules, RequestFraming } from '../protocol/request-head.ts'
import { lastChunk, requestHead } from '../protocol/request-head.ts'
import type { OutgoingRequest } from './exchange.ts'
import { isPlainBytes } from './exchange.ts'

/** Content up to this many bytes is copied behind the head, so that both go out in one write. */
const SMALL_CONTENT = 16_384

const noLastChunk = (): string => lastChunk(null)

/**
 * Checks a request and makes it ready for the wire. Throws `LocalProtocolError` or `TypeError`.
 *
 * @param host the origin's `hostField`
 * @param proxy what the proxy on the way asks for; null without one
 */
export function outgoingRequest(
  request: DispatchRequest,
  origin: Origin,
  host: string,
  proxy: ProxyRules | null,
): OutgoingRequest {
  const method = given(request, 'method') ?? 'GET'
  const body = given(request, 'body') ?? null
  const trailers = given(request, 'trailers') ?? null
  const content = body === null ? null : contentOf(body)
  const { text, framing } = requestHead(
    method,
    request.path,
    host,
    given(request, 'headers'),
    lengthOf(content),
    trailers !== null,
    proxy,
  )
  const small = contentWithHead(content, framing, SMALL_CONTENT)
  return {
    method,
    origin: origin.key,
    path: request.path,
    via: proxy === null ? '' : proxy.via,
    framing,
    first: small === null ? text : join(text, small),
    content: small === null ? content : null,
    lastChunk: trailers === null ? noLastChunk : lastChunkOf(trailers),
  }
}

/**
 * The content if it can be sent together with the head: bytes of a known length, at most `limit`, which
 * do not wait for a 100 (Continue). Null for other content.
 */
export function contentWithHead(
  content: OutgoingRequest['content'],
  framing: RequestFraming,
  limit: number,
): Uint8Array | null {
  if (!isPlainBytes(content, framing) || framing.expectsContinue) return null
  return content.length <= limit ? content : null
}

/** Trailers that are known are checked at once, before anything is sent. */
function lastChunkOf(trailers: NonNullable<DispatchRequest['trailers']>): () => string {
  if (typeof trailers === 'function') return () => lastChunk(trailers())
  const text = lastChunk(trailers)
  return () => text
}

/** The same request, for a server that refuses `Expect: 100-continue`. */
export function withoutExpect(request: OutgoingRequest): OutgoingRequest {
  const { first, framing } = request
  return {
    ...request,
    first: (first as string).replace(/\r\nexpect:[^\r]*/i, ''),
    framing: { ...framing, expectsContinue: false },
  }
}

/** What the caller gave: a polluted `Object.prototype` gives nothing. */
function given<Name extends keyof DispatchRequest>(
  request: DispatchRequest,
  name: Name,
): DispatchRequest[Name] | undefined {
  const value = request[name]
  return value !== undefined && Object.hasOwn(request, name) ? value : undefined
}

function contentOf(body: Body): Exclude<Body, string> {
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  if (typeof body === 'object' && (Symbol.asyncIterator in body || Symbol.iterator in body))
    return body
  throw new LocalProtocolError('The content has to be a string, bytes, or an iterable of bytes')
}

function lengthOf(content: Exclude<Body, string> | null): ContentLength {
  if (content === null) return 'none'
  return content instanceof Uint8Array ? content.length : null
}

function join(head: string, content: Uint8Array): Buffer {
  const joined = Buffer.allocUnsafe(head.length + content.length)
  joined.write(head, 'latin1')
  joined.set(content, head.length)
  return joined
}
