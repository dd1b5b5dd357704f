import type { ErrorFacts } from '../../errors.ts'
import { DecodingError, ResponseTooLarge } from '../../errors.ts'
import type { OwnedBytes } from '../../models/bytes.ts'
import { trimBlanks } from '../../models/field.ts'
import type { Coding } from './codings.ts'
import { codingOf } from './codings.ts'
import type { DecodingGuard } from './work-limits.ts'
import { innerLimit, WorkLimits } from './work-limits.ts'

export { acceptEncoding } from './codings.ts'

const MAX_CODINGS = 5
/** How many chunks are joined at a time. A chunk of one byte uses more than 100 bytes of memory. */
const MAX_PIECES = 1024
/** Up to these sizes in bytes, a body is decoded synchronously, which blocks the event loop. */
const MAX_SYNC_BYTES = { in: 65_536, out: 1_048_576 }

/**
 * Returns the decoder for a Content-Encoding. Returns null if there is nothing to decode, or if one
 * of the codings is unknown: the content is then passed on as received. RFC 9110 8.4
 *
 * Throws `DecodingError` for more than 5 codings.
 *
 * @param facts the facts of the errors that the decoder throws
 */
export function decoderFor(
  contentEncoding: string | null,
  facts?: ErrorFacts,
): ContentDecoder | null {
  if (contentEncoding === null) return null
  const names = contentEncoding
    .split(',')
    .map((name) => trimBlanks(name, 0, name.length).toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length > MAX_CODINGS) {
    throw new DecodingError(
      `The response has ${names.length} content codings; at most ${MAX_CODINGS} are supported`,
      facts,
    )
  }
  const codings = names.map(codingOf).filter((coding) => coding !== null)
  const [outer, ...inner] = codings.reverse()
  if (outer === undefined || codings.length < names.length) return null
  return new ContentDecoder([outer, ...inner], facts)
}

/** In decoding order: the coding that was applied last comes first. */
type Codings = readonly [outer: Coding, ...inner: Coding[]]

/** Decodes the content codings of one response. */
export class ContentDecoder {
  readonly #codings: Codings
  readonly #facts: ErrorFacts | undefined

  constructor(codings: Codings, facts: ErrorFacts | undefined) {
    this.#codings = codings
    this.#facts = facts
  }

  /**
   * Decodes content while it is received and read. Each coding decodes at most 64 KiB ahead of its
   * reader. Empty content stays empty.
   *
   * Throws `ResponseTooLarge` for a result of more than `max` bytes, `DecodingError` for invalid or
   * truncated content, and the errors of `source` and `guard`; all but the last after the bytes
   * that were decoded before. Bytes after the end of a coding are ignored, except after a zstd
   * frame, where they must be another frame.
   *
   * The work is limited. Each inner coding may produce as much as the result. If `max` is
   * `Infinity`, each coding may produce 256 MiB, or 1,100 bytes for each byte of `source` if that
   * is more. A coding that turns 1 MiB in succession into nothing is a `DecodingError`.
   *
   * The caller owns the returned chunks. A chunk of `source` must not change before the next one is
   * requested.
   *
   * @param guard can end decoding between two slices of at most 64 KiB
   */
  decode(
    source: AsyncIterable<Uint8Array>,
    max = Infinity,
    guard?: DecodingGuard,
  ): AsyncGenerator<OwnedBytes, void, undefined> {
    const limits = new WorkLimits(max, guard, this.#facts)
    const [outer, ...inner] = this.#codings
    let decoded = limits.decode(source, outer, { isFirst: true, isLast: inner.length === 0 })
    for (const [i, coding] of inner.entries()) {
      decoded = limits.decode(decoded, coding, { isFirst: false, isLast: i === inner.length - 1 })
    }
    return limitSize(decoded, max, this.#facts)
  }

  /**
   * Decodes a body that has been received completely. Returns a promise only if the body is large,
   * or cannot be decoded. Fails as `decode` does.
   */
  decodeBytes(
    bytes: Uint8Array,
    max = Infinity,
    guard?: DecodingGuard,
  ): OwnedBytes | Promise<OwnedBytes> {
    return this.#decodeSync(bytes, max) ?? collect(this.decode(single(bytes), max, guard))
  }

  /**
   * Decodes all of `source`. A small body is decoded synchronously, which is about ten times as
   * fast as asynchronous decoding.
   */
  async decodeAll(
    source: AsyncIterable<Uint8Array>,
    max = Infinity,
    guard?: DecodingGuard,
  ): Promise<OwnedBytes> {
    const chunks = source[Symbol.asyncIterator]()
    const received: Uint8Array[] = []
    let length = 0
    while (length <= MAX_SYNC_BYTES.in) {
      const step = await chunks.next()
      if (step.done) return this.decodeBytes(Buffer.concat(received), max, guard)
      received.push(step.value)
      length += step.value.length
    }
    return collect(this.decode(concat(received, chunks), max, guard))
  }

  /**
   * Decodes a small body synchronously. Returns null if it is too large or cannot be decoded;
   * `decode` then reports the error.
   */
  #decodeSync(bytes: Uint8Array, max: number): OwnedBytes | null {
    let input = bytes
    let content: OwnedBytes | null = null
    const last = this.#codings.length - 1
    try {
      for (const [i, coding] of this.#codings.entries()) {
        if (input.length > MAX_SYNC_BYTES.in) return null
        if (input.length === 0) return new Uint8Array(0)
        const maxOut = i < last ? innerLimit(max) : max
        content = coding.decodeSync(input, Math.min(maxOut, MAX_SYNC_BYTES.out))
        input = content
      }
      return content !== null && content.length <= max ? content : null
    } catch {
      return null
    }
  }
}

/**
 * Yields the bytes of `source`. Throws `ResponseTooLarge` after `max` bytes if there are more.
 *
 * @param max the limit in bytes; `Infinity` for no limit
 */
export async function* limitSize<Memory extends ArrayBufferLike>(
  source: AsyncIterable<Uint8Array<Memory>>,
  max: number,
  facts?: ErrorFacts,
): AsyncGenerator<Uint8Array<Memory>, void, undefined> {
  let received = 0
  for await (const chunk of source) {
    const allowed = max - received
    received += chunk.length
    if (received > max) {
      if (allowed > 0) yield chunk.subarray(0, allowed)
      const text = `The decoded response body has at least ${received} bytes; the limit is ${max}`
      throw new ResponseTooLarge(text, facts)
    }
    yield chunk
  }
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}

/** Yields `received`, then the remaining chunks. Closes `remaining` at the end. */
async function* concat(
  received: readonly Uint8Array[],
  remaining: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* received
    for (let step = await remaining.next(); !step.done; step = await remaining.next()) {
      yield step.value
    }
  } finally {
    await remaining.return?.()
  }
}

/** Returns all bytes of an iterable. Of many short chunks it keeps only the bytes. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<OwnedBytes> {
  const joined: Uint8Array[] = []
  let recent: Uint8Array[] = []
  for await (const chunk of chunks) {
    recent.push(chunk)
    if (recent.length < MAX_PIECES) continue
    joined.push(Buffer.concat(recent))
    recent = []
  }
  return Buffer.concat([...joined, ...recent])
}
