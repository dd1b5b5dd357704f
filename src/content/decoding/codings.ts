import { createRequire } from 'node:module'
import type { Transform } from 'node:stream'
import type { ZlibOptions } from 'node:zlib'
import { withoutPrototype } from '../../models/options.ts'
import { isOneFrame, separateFrames } from './zstd-frames.ts'

const require = createRequire(import.meta.url)

/** One content coding, as it is undone. RFC 9110 8.4.1 */
export interface Coding {
  readonly name: string
  /** A new decoder for content whose first byte this is. */
  open(first: number): Transform
  /** All of it at once; throws if that cannot be done, or if more than `max` bytes come out. */
  whole(bytes: Uint8Array, max: number): Uint8Array
  /** Gives the content to the decoder in other pieces; `broken` makes the error if it has none. */
  cut?(
    source: AsyncIterable<Uint8Array>,
    broken: (cause: unknown) => Error,
  ): AsyncIterable<Uint8Array>
}

/** node:zlib, with what newer versions than our types have. */
type Zlib = typeof import('node:zlib') & {
  createZstdDecompress?(options: ZstdOptions): Transform
  zstdDecompressSync?(bytes: Uint8Array, options: ZstdOptions): Buffer
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

interface ZstdOptions extends Pick<ZlibOptions, 'chunkSize' | 'maxOutputLength'> {
  readonly params: Readonly<Record<number, number>>
}

/** What a decoder gives at once, in bytes: each takes a trip to zlib's threads, so 64 KB, not 16. */
const WINDOW = 65_536
const STREAMED = withoutPrototype({ chunkSize: WINDOW })

let zlib: Zlib | null = null
let zstd: Coding | null | undefined

/** The value of Accept-Encoding: what can be decoded here. */
export function acceptEncoding(): string {
  return zstdHere() === null ? 'gzip, deflate, br' : 'gzip, deflate, br, zstd'
}

/** The coding of that name, in lower case; null for one that is not known here. */
export function codingOf(name: string): Coding | null {
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return gzip
    case 'deflate':
    case 'x-deflate':
      return deflate
    case 'br':
      return brotli
    case 'zstd':
      return zstdHere()
    default:
      return null
  }
}

/** Several members are one content; zeros behind them are padding, anything else is an error. */
const gzip: Coding = {
  name: 'gzip',
  open: () => load().createGunzip(STREAMED),
  whole: (bytes, max) => load().gunzipSync(bytes, atOnce(bytes, max)),
}

/** The zlib format, and raw DEFLATE, which some send instead. RFC 9110 8.4.1.2 */
const deflate: Coding = {
  name: 'deflate',
  open: (first) =>
    isZlib(first) ? load().createInflate(STREAMED) : load().createInflateRaw(STREAMED),
  whole: (bytes, max) =>
    isZlib(bytes[0])
      ? load().inflateSync(bytes, atOnce(bytes, max))
      : load().inflateRawSync(bytes, atOnce(bytes, max)),
}

const brotli: Coding = {
  name: 'br',
  open: () => load().createBrotliDecompress(STREAMED),
  whole: (bytes, max) => load().brotliDecompressSync(bytes, atOnce(bytes, max)),
}

function zstdHere(): Coding | null {
  zstd ??= makeZstd(load())
  return zstd
}

function makeZstd({ createZstdDecompress, zstdDecompressSync, constants }: Zlib): Coding | null {
  if (createZstdDecompress === undefined || zstdDecompressSync === undefined) return null
  // A frame may ask for any window, and gets it allocated; 8 MB is what HTTP allows. RFC 9659 3
  const params = withoutPrototype({ [constants.ZSTD_d_windowLogMax]: 23 })
  return {
    name: 'zstd',
    open: () => createZstdDecompress(withoutPrototype({ ...STREAMED, params })),
    whole: (bytes, max) => {
      if (!isOneFrame(bytes)) throw new Error('Not one frame')
      return zstdDecompressSync(bytes, withoutPrototype({ ...atOnce(bytes, max), params }))
    },
    cut: separateFrames,
  }
}

/** The first byte of the zlib format says method 8; raw DEFLATE has none with these bits. RFC 1950 2.2 */
function isZlib(first: number): boolean {
  return (first & 0x8f) === 0x08
}

/** One allocation, in proportion: a small result keeps all of its buffer alive. */
function atOnce(bytes: Uint8Array, max: number): { chunkSize: number; maxOutputLength: number } {
  return withoutPrototype({
    chunkSize: Math.min(Math.max(bytes.length * 8, 1024), WINDOW),
    maxOutputLength: Math.max(max, 1),
  })
}

function load(): Zlib {
  zlib ??= require('node:zlib') as Zlib
  return zlib
}
