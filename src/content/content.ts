import { types } from 'node:util'
import type { RequestFacts } from '../errors.ts'
import { StreamConsumed } from '../errors.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import { isIterator, isNodeStream, isWebStream } from './kinds.ts'

export type Chunk = Uint8Array | string

/**
 * Content that is neither a string nor bytes. The engine reads it like any iterable; the client
 * also uses its length, and needs to know whether it can be sent again.
 */
export abstract class Content implements AsyncIterable<Chunk> {
  /** The length in bytes; null if it is not known in advance. */
  abstract readonly length: number | null
  /** Whether it can be sent more than once. */
  abstract readonly isReplayable: boolean
  /** Whether it has been read, at least in part, and cannot be read again. */
  abstract readonly isConsumed: boolean
  /** Throws `StreamConsumed` if the content is consumed. */
  abstract [Symbol.asyncIterator](): AsyncIterator<Chunk>
  /**
   * Closes the sources whose reading has not begun: the content will not be read. Never throws.
   *
   * @param reason what `cancel` of a `ReadableStream` receives
   */
  abstract discard(reason?: unknown): void
}

/** Whether the whole body is in memory. */
export function isInMemory(body: Body): body is Chunk {
  return typeof body === 'string' || types.isUint8Array(body)
}

/** Whether the body can be sent more than once. */
export function isReplayable(body: Body | null): boolean {
  if (body === null || isInMemory(body)) return true
  if (body instanceof Content) return body.isReplayable
  return !isIterator(body) && !isNodeStream(body) && !isWebStream(body)
}

/** Throws `StreamConsumed` with this request if the body is consumed. Call it before sending. */
export function throwIfConsumed(body: Body | null, request: RequestFacts): void {
  if (!(body instanceof Content) || !body.isConsumed) return
  const { method } = request
  throw new StreamConsumed(
    `Cannot send the ${method} request again: its content is a stream or generator, which can be read only once`,
    { request },
  )
}

/** Returns the length in bytes; null if it is not known in advance. */
export function lengthOf(body: Body | null): number | null {
  if (body === null) return 0
  if (typeof body === 'string') return Buffer.byteLength(body)
  if (types.isUint8Array(body) || body instanceof Content) return body.length
  return null
}

/**
 * Reads the whole body. A body that can be read only once is then consumed: send the returned bytes
 * instead. Rejects with the error of the source, with `StreamConsumed`, or with `TypeError` for a
 * chunk that is neither bytes nor a string.
 */
export async function readContent(body: Body | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0)
  if (typeof body === 'string') return Buffer.from(body)
  if (types.isUint8Array(body)) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(toBytes(chunk))
  return Buffer.concat(chunks)
}

/**
 * Closes the files, streams and generators in a body that will not be sent. Never throws.
 *
 * @param reason what `cancel` of a `ReadableStream` receives
 */
export function discardContent(body: Body | null, reason?: unknown): void {
  if (body instanceof Content) body.discard(reason)
}

/**
 * Returns the chunk as bytes. Throws `TypeError` for a chunk that is neither bytes nor a string.
 */
export function toBytes(chunk: Chunk): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (types.isUint8Array(chunk)) return chunk
  throw new TypeError(`The content must yield bytes or strings, not ${kindOf(chunk)}`)
}
