import type { ZlibOptions } from 'node:zlib'
import type { OwnedBytes } from '../../models/bytes.ts'
import { option, withoutPrototype } from '../../models/options.ts'
import { UNSET_STREAM_OPTIONS } from '../../models/stream-options.ts'
import type { MemberZlib, ShortData } from './gzip-members.ts'
import { decodeMembers } from './gzip-members.ts'
import type { ZlibStream } from './zlib-reader.ts'
import { decodeStream } from './zlib-reader.ts'
import { isOneFrame, separateFrames } from './zstd-frames.ts'

/** Decodes one content coding. RFC 9110 8.4.1 */
export interface Coding {
  readonly name: string
  /**
   * Decodes content while the result is read.
   *
   * @param slices the content in short pieces, none of them empty
   * @param toError creates the error to throw if the content cannot be decoded
   */
  decode(
    slices: AsyncIterable<Uint8Array>,
    toError: (cause: unknown) => Error,
  ): AsyncIterable<OwnedBytes>
  /** Decodes complete content. Throws if it cannot, or if the result has more than `max` bytes. */
  decodeSync(bytes: Uint8Array, max: number): OwnedBytes
}

/** `node:zlib` with its zstd functions, which `@types/node` for Node 20 does not declare. */
type Zlib = typeof import('node:zlib') & {
  createZstdDecompress?(options: ZstdOptions): ZlibStream
  zstdDecompressSync?(bytes: Uint8Array, options: ZstdOptions): OwnedBytes
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

/** The result of a synchronous function with the option `info`. */
interface ZlibInfo {
  readonly buffer: OwnedBytes
  readonly engine: ZlibStream
}

interface ZstdOptions extends Pick<ZlibOptions, 'chunkSize' | 'maxOutputLength'> {
  readonly params: Readonly<Record<number, number>>
}

/**
 * Bytes per chunk that a decoder returns. Each chunk is a job for zlib's threads, so not 16 KiB.
 */
const OUTPUT_CHUNK_SIZE = 65_536
/** How many bytes the result of `decodeShort` may have, which blocks the event loop. */
const MAX_SHORT_OUTPUT = 262_144
/** All options of `node:zlib`, unset: it copies its options, as streams do. */
const UNSET_ZLIB_OPTIONS = {
  ...UNSET_STREAM_OPTIONS,
  dictionary: undefined,
  finishFlush: undefined,
  info: undefined,
  level: undefined,
  maxOutputLength: undefined,
  memLevel: undefined,
  params: undefined,
  pledgedSrcSize: undefined,
  rejectGarbageAfterEnd: undefined,
  strategy: undefined,
  windowBits: undefined,
}
const STREAM_OPTIONS: ZlibOptions = Object.freeze({
  ...UNSET_ZLIB_OPTIONS,
  chunkSize: OUTPUT_CHUNK_SIZE,
})

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

const gzip: Coding = {
  name: 'gzip',
  decode: (slices, toError) => decodeMembers(slices, memberZlib, toError),
  decodeSync: (bytes, max) => loadZlib().gunzipSync(bytes, syncOptions(bytes.length, max)),
}

/** The zlib format, and raw DEFLATE, which some servers send instead. RFC 9110 8.4.1.2 */
const deflate: Coding = {
  name: 'deflate',
  decode: (slices, toError) =>
    decodeStream(
      slices,
      (start) =>
        isZlib(start)
          ? loadZlib().createInflate(STREAM_OPTIONS)
          : loadZlib().createInflateRaw(STREAM_OPTIONS),
      toError,
    ),
  decodeSync: (bytes, max) =>
    isZlib(bytes)
      ? loadZlib().inflateSync(bytes, syncOptions(bytes.length, max))
      : loadZlib().inflateRawSync(bytes, syncOptions(bytes.length, max)),
}

const brotli: Coding = {
  name: 'br',
  decode: (slices, toError) =>
    decodeStream(slices, () => loadZlib().createBrotliDecompress(STREAM_OPTIONS), toError),
  decodeSync: (bytes, max) =>
    loadZlib().brotliDecompressSync(bytes, syncOptions(bytes.length, max)),
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

function makeZstd(zlib: Zlib): Coding | null {
  const createZstdDecompress = option(zlib, 'createZstdDecompress', undefined)
  const zstdDecompressSync = option(zlib, 'zstdDecompressSync', undefined)
  const { constants } = zlib
  if (createZstdDecompress === undefined || zstdDecompressSync === undefined) return null
  // zstd allocates the window size that a frame specifies. HTTP limits it to 8 MB. RFC 9659 3
  const params = withoutPrototype({ [constants.ZSTD_d_windowLogMax]: 23 })
  return {
    name: 'zstd',
    decode: (slices, toError) =>
      decodeStream(
        separateFrames(slices, toError),
        () => createZstdDecompress({ ...STREAM_OPTIONS, params }),
        toError,
      ),
    decodeSync: (bytes, max) => {
      if (!isOneFrame(bytes)) throw new Error('not exactly one frame')
      return zstdDecompressSync(bytes, { ...syncOptions(bytes.length, max), params })
    },
  }
}

const memberZlib: MemberZlib = {
  createInflateRaw: () => loadZlib().createInflateRaw(STREAM_OPTIONS),
  crc32: (bytes, previous) => loadZlib().crc32(bytes, previous),
  gunzipShort: (bytes) => decodeShort(loadZlib().gunzipSync, bytes, bytes.length),
  inflateShort: (bytes, length) => decodeShort(loadZlib().inflateRawSync, bytes, length),
}

function decodeShort(
  decodeSync: Zlib['gunzipSync'],
  bytes: Uint8Array,
  length: number,
): ShortData | null {
  const options = { ...syncOptions(length, MAX_SHORT_OUTPUT), info: true }
  try {
    // The types of Node.js do not describe the result with `info`.
    const result = decodeSync(bytes, options) as unknown as ZlibInfo
    return { content: result.buffer, length: result.engine.bytesWritten }
  } catch {
    return null // the stream reports the error
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
function syncOptions(length: number, max: number): ZlibOptions {
  return {
    ...UNSET_ZLIB_OPTIONS,
    chunkSize: Math.min(Math.max(length * 8, 1024), OUTPUT_CHUNK_SIZE),
    maxOutputLength: Math.max(max, 1),
  }
}

function loadZlib(): Zlib {
  zlib ??= process.getBuiltinModule('node:zlib') as Zlib
  return zlib
}
