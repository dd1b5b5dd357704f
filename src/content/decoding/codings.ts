import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import type { ZlibOptions } from 'node:zlib'
import { withoutPrototype } from '../../models/options.ts'
import { isOneFrame, separateFrames } from './zstd-frames.ts'

const require = createRequire(import.meta.url)

/** Decodes one content coding. RFC 9110 8.4.1 */
export interface Coding {
  readonly name: string
  /** Creates a decoder for content that begins with `start`, at least one byte. */
  createDecoder(start: Uint8Array): Transform
  /** Decodes complete content. Throws if it cannot, or if the result has more than `max` bytes. */
  decodeSync(bytes: Uint8Array, max: number): Uint8Array
  /**
   * Splits the content as the decoder needs it.
   * @param toError creates the error to throw if the content cannot be split
   */
  splitInput?(
    source: AsyncIterable<Uint8Array>,
    toError: (cause: unknown) => Error,
  ): AsyncIterable<Uint8Array>
}

/** `node:zlib` with its zstd functions, which `@types/node` for Node 20 does not declare. */
type Zlib = typeof import('node:zlib') & {
  createZstdDecompress?(options: ZstdOptions): Transform
  zstdDecompressSync?(bytes: Uint8Array, options: ZstdOptions): Buffer
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

interface ZstdOptions extends Pick<ZlibOptions, 'chunkSize' | 'maxOutputLength'> {
  readonly params: Readonly<Record<number, number>>
}

/**
 * Bytes per chunk that a decoder returns. Each chunk is a job for zlib's threads, so not 16 KiB.
 */
const OUTPUT_CHUNK_SIZE = 65_536
const STREAM_OPTIONS = withoutPrototype({ chunkSize: OUTPUT_CHUNK_SIZE })

let zlib: Zlib | null = null
let zstd: Coding | null | undefined

/** Returns the value of Accept-Encoding: the codings that this runtime can decode. */
export function acceptEncoding(): string {
  return zstdIfSupported() === null ? 'gzip, deflate, br' : 'gzip, deflate, br, zstd'
}

/**
 * Returns the coding with this name, in lower case; null for one that this runtime cannot decode.
 */
export function codingOf(name: string): Coding | null {
  return name === 'zstd' ? zstdIfSupported() : (codings.get(name) ?? null)
}

/**
 * zlib decodes several members as one content. It ignores zeros after them; other bytes are an
 * error.
 */
const gzip: Coding = {
  name: 'gzip',
  createDecoder: () => loadZlib().createGunzip(STREAM_OPTIONS),
  decodeSync: (bytes, max) => loadZlib().gunzipSync(bytes, syncOptions(bytes, max)),
}

/** The zlib format, and raw DEFLATE, which some servers send instead. RFC 9110 8.4.1.2 */
const deflate: Coding = {
  name: 'deflate',
  createDecoder: (start) =>
    isZlib(start)
      ? loadZlib().createInflate(STREAM_OPTIONS)
      : loadZlib().createInflateRaw(STREAM_OPTIONS),
  decodeSync: (bytes, max) =>
    isZlib(bytes)
      ? loadZlib().inflateSync(bytes, syncOptions(bytes, max))
      : loadZlib().inflateRawSync(bytes, syncOptions(bytes, max)),
}

const brotli: Coding = {
  name: 'br',
  createDecoder: () => loadZlib().createBrotliDecompress(STREAM_OPTIONS),
  decodeSync: (bytes, max) => loadZlib().brotliDecompressSync(bytes, syncOptions(bytes, max)),
}

/** The codings that every runtime can decode, by name. The names with `x-` are old aliases. */
const codings: ReadonlyMap<string, Coding> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['x-deflate', deflate],
  ['br', brotli],
])

function zstdIfSupported(): Coding | null {
  zstd ??= makeZstd(loadZlib())
  return zstd
}

function makeZstd({ createZstdDecompress, zstdDecompressSync, constants }: Zlib): Coding | null {
  if (createZstdDecompress === undefined || zstdDecompressSync === undefined) return null
  // zstd allocates the window size that a frame specifies. HTTP limits it to 8 MB. RFC 9659 3
  const params = withoutPrototype({ [constants.ZSTD_d_windowLogMax]: 23 })
  return {
    name: 'zstd',
    createDecoder: () => createZstdDecompress(withoutPrototype({ ...STREAM_OPTIONS, params })),
    decodeSync: (bytes, max) => {
      if (!isOneFrame(bytes)) throw new Error('not exactly one frame')
      return zstdDecompressSync(bytes, withoutPrototype({ ...syncOptions(bytes, max), params }))
    },
    splitInput: separateFrames,
  }
}

/**
 * The first byte of the zlib format contains method 8; raw DEFLATE never has these bits. RFC 1950
 * 2.2
 */
function isZlib(bytes: Uint8Array): boolean {
  const first = bytes[0]
  return first !== undefined && (first & 0x8f) === 0x08
}

/** Sizes the output buffer by the input, because a small result would keep a large buffer alive. */
function syncOptions(bytes: Uint8Array, max: number): ZlibOptions {
  return withoutPrototype({
    chunkSize: Math.min(Math.max(bytes.length * 8, 1024), OUTPUT_CHUNK_SIZE),
    maxOutputLength: Math.max(max, 1),
  })
}

function loadZlib(): Zlib {
  zlib ??= require('node:zlib') as Zlib
  return zlib
}
