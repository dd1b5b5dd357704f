import { LocalProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { Body, DispatchRequest } from '../models/request.ts'
import type { ContentLength } from '../protocol/request-head.ts'
import { lastChunk, requestHead } from '../protocol/request-head.ts'
import type { OutgoingRequest } from './exchange.ts'

/** Content up to this many bytes is copied behind the head, so that both go out in one write. */
const SMALL_CONTENT = 16_384

const noLastChunk = (): string => lastChunk(null)

/** Checks a request and makes it ready for the wire. Throws `LocalProtocolError` or `TypeError`. */
export function outgoingRequest(request: DispatchRequest, origin: Origin): OutgoingRequest {
  const method = given(request, 'method') ?? 'GET'
  const body = given(request, 'body') ?? null
  const trailers = given(request, 'trailers') ?? null
  const { path } = request
  const content = body === null ? null : contentOf(body)
  const head = requestHead(
    method,
    path,
    origin.authority,
    given(request, 'headers'),
    lengthOf(content),
    trailers !== null,
  )
  const outgoing = {
    method,
    origin: origin.key,
    path,
    head,
    first: head.text,
    content: null,
    lastChunk: noLastChunk,
  }
  if (content === null) return outgoing
  const small =
    content instanceof Uint8Array &&
    content.length <= SMALL_CONTENT &&
    head.contentLength !== null &&
    !head.expectsContinue
  if (small) return { ...outgoing, first: join(head.text, content) }
  return {
    ...outgoing,
    content,
    lastChunk: () => lastChunk(typeof trailers === 'function' ? trailers() : trailers),
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
