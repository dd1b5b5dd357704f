import { types } from 'node:util'
import { LocalProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { Body, DispatchRequest } from '../models/request.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { ContentLength, ProxyRules, RequestFraming } from '../protocol/request-head.ts'
import { lastChunk, requestHead } from '../protocol/request-head.ts'
import type { OutgoingRequest } from './exchange.ts'
import { isPlainBytes } from './exchange.ts'

/** Content up to this size, in bytes, is copied after the head, so that one write sends both. */
const MAX_CONTENT_WITH_HEAD = 16_384

const noLastChunk = (): string => lastChunk(null)

/**
 * Checks a request and creates its head. Throws `LocalProtocolError` or `TypeError`.
 *
 * @param host the result of `versionAndHost` for the origin
 * @param proxy what a proxy requires of the head; null without a proxy
 */
export function outgoingRequest(
  request: DispatchRequest,
  origin: Origin,
  host: string,
  proxy: ProxyRules | null,
): OutgoingRequest {
  const method = ownValue(request, 'method') ?? 'GET'
  const body = ownValue(request, 'body') ?? null
  const trailers = ownValue(request, 'trailers') ?? null
  const content = body === null ? null : contentOf(body)
  const { text, framing } = requestHead(
    method,
    request.path,
    host,
    ownValue(request, 'headers'),
    lengthOf(content),
    trailers !== null,
    proxy,
  )
  const small = contentWithHead(content, framing, MAX_CONTENT_WITH_HEAD)
  return {
    method,
    origin: origin.key,
    path: request.path,
    proxySuffix: proxy === null ? '' : proxy.proxySuffix,
    framing,
    headBytes: small === null ? text : concatenate(text, small),
    content: small === null ? content : null,
    lastChunk: trailers === null ? noLastChunk : lastChunkOf(trailers),
  }
}

/**
 * Returns the content if it can be sent together with the head: at most `limit` bytes in memory, of
 * a request that does not wait for 100 (Continue). Returns null for other content.
 */
export function contentWithHead(
  content: OutgoingRequest['content'],
  framing: RequestFraming,
  limit: number,
): Uint8Array | null {
  if (!isPlainBytes(content, framing) || framing.expectsContinue) return null
  return content.length <= limit ? content : null
}

/** Whether the content of a request can be sent more than once. */
export function hasRepeatableContent({ content }: OutgoingRequest): boolean {
  if (content === null || types.isUint8Array(content)) return true
  return Array.isArray(content) || types.isSet(content) || isMarkedReplayable(content)
}

/** Whether it has `isReplayable: true`. A polluted `Object.prototype` does not count. */
function isMarkedReplayable(content: object): boolean {
  const isInherited = !Object.hasOwn(content, 'isReplayable')
  if (isInherited && 'isReplayable' in Object.prototype) return false
  return Reflect.get(content, 'isReplayable') === true
}

/** Whether a request may be sent again after its connection turned out to be closed. */
export function isReplayable(request: OutgoingRequest): boolean {
  return isIdempotent(request.method) && hasRepeatableContent(request)
}

/** Trailers that are not a function are checked now, before anything is sent. */
function lastChunkOf(trailers: NonNullable<DispatchRequest['trailers']>): () => string {
  if (typeof trailers === 'function') return () => lastChunk(trailers())
  const text = lastChunk(trailers)
  return () => text
}

/** Returns the request without `Expect: 100-continue`, which the server refused with 417. */
export function withoutExpect(request: OutgoingRequest): OutgoingRequest {
  const { headBytes, framing } = request
  return {
    ...request,
    headBytes: (headBytes as string).replace(/\r\nexpect:[^\r]*/gi, ''),
    framing: { ...framing, expectsContinue: false },
  }
}

/** Returns an own property only, so that a polluted `Object.prototype` has no effect. */
function ownValue<Name extends keyof DispatchRequest>(
  request: DispatchRequest,
  name: Name,
): DispatchRequest[Name] | undefined {
  const value = request[name]
  return value !== undefined && Object.hasOwn(request, name) ? value : undefined
}

function contentOf(body: Body): Exclude<Body, string> {
  if (typeof body === 'string') return Buffer.from(body)
  if (types.isUint8Array(body)) return body
  if (typeof body === 'object' && (Symbol.asyncIterator in body || Symbol.iterator in body))
    return body
  throw new LocalProtocolError('body must be a string, bytes, or an iterable of strings and bytes')
}

function lengthOf(content: Exclude<Body, string> | null): ContentLength {
  if (content === null) return 'none'
  return types.isUint8Array(content) ? content.length : null
}

function concatenate(head: string, content: Uint8Array): Buffer {
  const joined = Buffer.allocUnsafe(head.length + content.length)
  joined.write(head, 'latin1')
  joined.set(content, head.length)
  return joined
}
