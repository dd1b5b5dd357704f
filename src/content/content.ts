import type { RequestFacts } from '../errors.ts'
import { StreamConsumed } from '../errors.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import { isIterator, isNodeStream, isWebStream } from './kinds.ts'

export type Chunk = Uint8Array | string

/** Content that is neither a string nor bytes, and knows more of itself than the engine asks. */
export abstract class Content implements AsyncIterable<Chunk> {
  /** In bytes; null if only its end will tell. */
  abstract readonly length: number | null
  /** Whether it can be sent again after it was sent. */
  abstract readonly isReplayable: boolean
  /** Whether it is gone, in part at least, and cannot be sent. */
  abstract readonly isSpent: boolean
  /** Throws `StreamConsumed` if it is spent. */
  abstract [Symbol.asyncIterator](): AsyncIterator<Chunk>
  /** Nobody is going to read it: what was not begun is closed. Never throws. */
  abstract discard(): void
}

/** Whether all of it is in memory. */
export function isChunk(body: Body): body is Chunk {
  return typeof body === 'string' || body instanceof Uint8Array
}

/** Whether it can be sent again after it was sent. */
export function isReplayable(body: Body | null): boolean {
  if (body === null || isChunk(body)) return true
  if (body instanceof Content) return body.isReplayable
  return !isIterator(body) && !isNodeStream(body) && !isWebStream(body)
}

/** Throws `StreamConsumed` with this request if the body is gone: before anything is sent for it. */
export function refuseSpent(body: Body | null, request: RequestFacts): void {
  if (!(body instanceof Content) || !body.isSpent) return
  const { method } = request
  throw new StreamConsumed(
    `The ${method} request has to be sent again, and its content, a stream or generator, gave itself only once`,
    { request },
  )
}

/** In bytes; null if only its end will tell. */
export function lengthOf(body: Body | null): number | null {
  if (body === null) return 0
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (body instanceof Uint8Array || body instanceof Content) return body.length
  return null
}

/**
 * All of it as bytes. What can be read only once is then gone, so send the bytes. Rejects with the
 * source's error, with `StreamConsumed`, or with `TypeError` for a chunk that is not bytes.
 */
export async function readContent(body: Body | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0)
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(toBytes(chunk))
  return Buffer.concat(chunks)
}

/** Nobody is going to send it: files, streams and generators in it that were not begun are closed. */
export function discardContent(body: Body | null): void {
  if (body instanceof Content) body.discard()
}

/** Throws `TypeError` for what a source gave and is not bytes. */
export function toBytes(chunk: Chunk): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError(`The request's content gave something that is not bytes: ${kindOf(chunk)}`)
}
