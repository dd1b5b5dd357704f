import type { ErrorFacts } from '../../errors.ts'
import { DecodingError, ResponseTooLarge } from '../../errors.ts'
import { trimBlanks } from '../../models/field.ts'
import type { Coding } from './codings.ts'
import { codingOf } from './codings.ts'
import { Pulled } from './pulled.ts'

export { acceptEncoding } from './codings.ts'

const MAX_CODINGS = 5
/** Bytes in and out up to which a body is decoded at once, since that blocks all else. */
const MAX_AT_ONCE = { in: 65_536, out: 1_048_576 }

/**
 * How to undo a Content-Encoding; null if there is nothing to undo, or not all of it is known, as then
 * the content is passed on as it came. Throws `DecodingError` for more than 5 codings. RFC 9110 8.4
 */
export function decoderFor(contentEncoding: string | null, facts?: ErrorFacts): Decoding | null {
  if (contentEncoding === null) return null
  const names = contentEncoding
    .split(',')
    .map((name) => trimBlanks(name, 0, name.length).toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length > MAX_CODINGS) {
    throw new DecodingError(
      `The response has ${names.length} content codings, more than ${MAX_CODINGS}`,
      facts,
    )
  }
  const codings = names.map(codingOf).filter((coding) => coding !== null)
  if (codings.length === 0 || codings.length < names.length) return null
  return new Decoding(codings.reverse(), facts)
}

/** The content codings of one response, to be undone. */
export class Decoding {
  /** The outermost, which was applied last, comes first. */
  readonly #codings: readonly Coding[]
  readonly #facts: ErrorFacts | undefined

  constructor(codings: readonly Coding[], facts: ErrorFacts | undefined) {
    this.#codings = codings
    this.#facts = facts
  }

  /**
   * What comes out as it comes in, as fast as it is taken; at most a window of 64 KB for each coding is
   * decoded ahead. Throws `DecodingError` for a coding that is broken or cut short, and passes on what
   * the source throws, either after all that zlib had given before. Empty content stays empty. Bytes
   * behind the end of a coding are ignored, but behind a gzip or zstd member anything is another one,
   * save zeros behind gzip. The chunks are the reader's; those of the source must not change before
   * the next one is asked for.
   */
  decode(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const [outer, ...inner] = this.#codings
    return inner.reduce(
      (coded, coding) => decoded(coded, coding, this.#facts),
      decoded(source, outer, this.#facts),
    )
  }

  /**
   * All of a body that is here already; a promise if it is large, or broken. Fails with
   * `ResponseTooLarge` if more than `max` bytes come out, or with `DecodingError`.
   */
  decodeWhole(bytes: Uint8Array, max = Infinity): Uint8Array | Promise<Uint8Array> {
    return this.#atOnce(bytes, max) ?? collect(limited(this.decode(once(bytes)), max, this.#facts))
  }

  /** All that comes out of a source: at once, which costs a tenth, if it turns out to be small. */
  async decodeAll(source: AsyncIterable<Uint8Array>, max = Infinity): Promise<Uint8Array> {
    const chunks = source[Symbol.asyncIterator]()
    const start: Uint8Array[] = []
    let length = 0
    while (length <= MAX_AT_ONCE.in) {
      const step = await chunks.next()
      if (step.done) return this.decodeWhole(Buffer.concat(start), max)
      start.push(step.value)
      length += step.value.length
    }
    return collect(limited(this.decode(continued(start, chunks)), max, this.#facts))
  }

  /** Null if that is too much work, or fails: then the other way tells why. */
  #atOnce(bytes: Uint8Array, max: number): Uint8Array | null {
    let whole = bytes
    const last = this.#codings.length - 1
    try {
      for (const [i, coding] of this.#codings.entries()) {
        if (whole.length > MAX_AT_ONCE.in) return null
        if (whole.length === 0) return whole
        whole = coding.whole(whole, i < last ? MAX_AT_ONCE.out : Math.min(max, MAX_AT_ONCE.out))
      }
      return whole.length <= max ? whole : null
    } catch {
      return null
    }
  }
}

/**
 * The same bytes, but `ResponseTooLarge` as soon as there are more than `max`, which it gives before.
 * @param max `Infinity` for no bound
 */
export async function* limited(
  source: AsyncIterable<Uint8Array>,
  max: number,
  facts?: ErrorFacts,
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0
  for await (const chunk of source) {
    const rest = max - received
    received += chunk.length
    if (received <= max) {
      yield chunk
    } else {
      if (rest > 0) yield chunk.subarray(0, rest)
      throw new ResponseTooLarge(
        `The response has at least ${received} bytes, more than ${max}`,
        facts,
      )
    }
  }
}

async function* decoded(
  source: AsyncIterable<Uint8Array>,
  coding: Coding,
  facts: ErrorFacts | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const broken = (cause: unknown) =>
    new DecodingError(
      `The response's content coding ${coding.name} is broken: ${(cause as Error).message}`,
      { ...facts, cause },
    )
  let decoder: Pulled | null = null
  try {
    for await (const chunk of coding.cut?.(source, broken) ?? source) {
      if (chunk.length === 0) continue
      decoder ??= new Pulled(coding.open(chunk[0]), broken)
      decoder.write(chunk)
      for (let out = await decoder.read(); out !== null; out = await decoder.read()) yield out
    }
    if (decoder === null) return
    decoder.end()
    for (let out = await decoder.read(); out !== null; out = await decoder.read()) yield out
  } finally {
    decoder?.destroy()
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}

async function* continued(
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* start
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value
  } finally {
    await rest.return?.()
  }
}

/** All the bytes of an iterable. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
