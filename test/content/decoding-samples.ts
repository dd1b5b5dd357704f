import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { Decoding } from '../../src/content/decoding/decoder.ts'
import { decoderFor } from '../../src/content/decoding/decoder.ts'

type Encode = (bytes: Uint8Array) => Buffer

export const zstdCompress = (zlib as { zstdCompressSync?: Encode }).zstdCompressSync

/** Each coding: its name in Content-Encoding, and what applies it. */
export const encoders: readonly (readonly [title: string, name: string, encode: Encode])[] = [
  ['gzip', 'gzip', (bytes) => zlib.gzipSync(bytes)],
  ['deflate', 'deflate', (bytes) => zlib.deflateSync(bytes)],
  ['raw deflate', 'deflate', (bytes) => zlib.deflateRawSync(bytes)],
  ['raw deflate, stored', 'deflate', (bytes) => zlib.deflateRawSync(bytes, { level: 0 })],
  ['br', 'br', (bytes) => zlib.brotliCompressSync(bytes)],
  ...(zstdCompress ? [['zstd', 'zstd', zstdCompress] as const] : []),
]

/** Bytes that compress badly, the same ones each time. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export function decodingOf(contentEncoding: string): Decoding {
  const decoding = decoderFor(contentEncoding)
  assert.ok(decoding, contentEncoding)
  return decoding
}

/** A source of these chunks, which then ends or throws, and knows what was taken of it. */
export class Source {
  taken = 0
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
        if (this.taken < this.#chunks.length) {
          return { done: false, value: this.#chunks[this.taken++] }
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

/** All that came out, and what it ended with. */
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

/** The chunks that `bytes` makes when cut at these places. */
export function cutAt(bytes: Uint8Array, ...places: number[]): Uint8Array[] {
  const ends = [...places, bytes.length]
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

/** Single bytes. */
export function crumbs(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
}

/** A zlib stream that somebody made, and how many bytes came out of it. */
export interface Made {
  readonly stream: Transform
  out: number
}

/** The gunzips that are made during the test. */
export function spyOnGunzip(t: TestContext): Made[] {
  // The module as CommonJS sees it, where it can be changed.
  const module = createRequire(import.meta.url)('node:zlib') as typeof zlib
  const all: Made[] = []
  const original = module.createGunzip
  t.mock.method(module, 'createGunzip', (options: zlib.ZlibOptions) => {
    const stream = original(options)
    const made = { stream, out: 0 }
    all.push(made)
    const push = stream.push.bind(stream)
    stream.push = (chunk: Buffer | null) => {
      made.out += chunk?.length ?? 0
      return push(chunk)
    }
    return stream
  })
  return all
}

/** 10 MB that are 10 GB of zeros, in chunks of 64 KB. */
export function bomb(): Uint8Array[] {
  const member = zlib.gzipSync(Buffer.alloc(2 ** 26))
  return Array(160).fill(member)
}

/** Until zlib has had time for many megabytes of work. */
export async function whileZlibWorks(): Promise<void> {
  const coded = zlib.gzipSync(Buffer.alloc(2 ** 22))
  for (let i = 0; i < 10; i++) await promisify(zlib.gunzip)(coded)
}
