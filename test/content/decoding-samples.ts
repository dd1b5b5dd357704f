import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { ContentDecoder } from '../../src/content/decoding/decoder.ts'
import { decoderFor } from '../../src/content/decoding/decoder.ts'

type Encode = (bytes: Uint8Array) => Buffer

export const zstdCompress = (zlib as { zstdCompressSync?: Encode }).zstdCompressSync

/** The codings: a title, the name in Content-Encoding, and the function that encodes. */
export const encoders: readonly (readonly [title: string, name: string, encode: Encode])[] = [
  ['gzip', 'gzip', (bytes) => zlib.gzipSync(bytes)],
  ['deflate', 'deflate', (bytes) => zlib.deflateSync(bytes)],
  ['raw deflate', 'deflate', (bytes) => zlib.deflateRawSync(bytes)],
  ['raw deflate, stored', 'deflate', (bytes) => zlib.deflateRawSync(bytes, { level: 0 })],
  ['br', 'br', (bytes) => zlib.brotliCompressSync(bytes)],
  ...(zstdCompress ? [['zstd', 'zstd', zstdCompress] as const] : []),
]

/** Returns pseudo-random bytes, which compress badly. They are the same for each call. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** Changes the byte at `index`: flips the bits in `mask`. */
export function flipBits(bytes: Buffer, index: number, mask: number): void {
  bytes.writeUInt8(bytes.readUInt8(index) ^ mask, index)
}

/** Returns the decoder for a Content-Encoding, and fails if there is none. */
export function knownDecoder(contentEncoding: string): ContentDecoder {
  const decoder = decoderFor(contentEncoding)
  assert.ok(decoder, contentEncoding)
  return decoder
}

/** A source that yields the chunks, and then ends or throws. It counts what was read of it. */
export class Source {
  /** The number of chunks that were read. */
  taken = 0
  /** How often the source was closed. */
  returned = 0
  readonly #chunks: readonly Uint8Array[]
  readonly #error: unknown

  constructor(chunks: readonly Uint8Array[], error: unknown = null) {
    this.#chunks = chunks
    this.#error = error
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: async () => {
        const value = this.#chunks[this.taken]
        if (value !== undefined) {
          this.taken++
          return { done: false, value }
        }
        if (this.#error !== null) throw this.#error
        return { done: true, value: undefined }
      },
      return: async () => {
        this.returned++
        return { done: true, value: undefined }
      },
    }
  }
}

interface Outcome {
  readonly bytes: Buffer
  readonly error: unknown
}

/** Reads all chunks. Returns their bytes, and the error that ended them or null. */
export async function outcome(chunks: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const all: Uint8Array[] = []
  let error: unknown = null
  try {
    for await (const chunk of chunks) {
      assert.ok(chunk.length > 0, 'an empty chunk')
      all.push(chunk)
    }
  } catch (thrown) {
    error = thrown
  }
  return { bytes: Buffer.concat(all), error }
}

/** Splits `bytes` at the given positions. */
export function splitAt(bytes: Uint8Array, ...positions: number[]): Uint8Array[] {
  const ends = [...positions, bytes.length]
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

/** Splits `bytes` into chunks of one byte. */
export function singleBytes(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
}

/** A zlib stream, and how many bytes it has decoded. */
export interface SpiedInflater {
  readonly stream: Transform
  decodedBytes: number
}

/** Returns a list to which each stream is added that inflates a gzip member and that is created during the test. */
export function spyOnInflateRaw(t: TestContext): SpiedInflater[] {
  // The CommonJS module can be changed, the ES module cannot.
  const module = createRequire(import.meta.url)('node:zlib') as typeof zlib
  const spied: SpiedInflater[] = []
  const original = module.createInflateRaw
  t.mock.method(module, 'createInflateRaw', (options: zlib.ZlibOptions) => {
    const stream = original(options)
    const inflater = { stream, decodedBytes: 0 }
    spied.push(inflater)
    const push = stream.push.bind(stream)
    stream.push = (chunk: Buffer | null) => {
      inflater.decodedBytes += chunk?.length ?? 0
      return push(chunk)
    }
    return stream
  })
  return spied
}

/** Returns a decompression bomb: 10 MB in chunks of 64 KB, which decode to 10 GB of zeros. */
export function bomb(): Uint8Array[] {
  const member = zlib.gzipSync(Buffer.alloc(2 ** 26))
  return Array(160).fill(member)
}

/** Resolves after zlib has had time to decode many megabytes. */
export async function whileZlibWorks(): Promise<void> {
  const coded = zlib.gzipSync(Buffer.alloc(2 ** 22))
  for (let i = 0; i < 10; i++) await promisify(zlib.gunzip)(coded)
}
