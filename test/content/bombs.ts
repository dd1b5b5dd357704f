// Small bodies that decoders need much work for.
import { gzipSync } from 'node:zlib'
import { zstdCompress } from './decoding-samples.ts'

/** The parts of content that decodes to nothing or little. */
interface Parts {
  readonly start: readonly number[]
  /** Decodes to nothing. Can be repeated. */
  readonly empty: readonly number[]
  /** Decodes to `x`. Can be repeated. */
  readonly x: readonly number[]
  readonly end: readonly number[]
}

/** By the name of the coding. */
const PARTS: Readonly<Record<string, Parts>> = {
  /** Members. */
  gzip: { start: [], empty: [...gzipSync('')], x: [...gzipSync('x')], end: [] },
  /** Stored blocks. RFC 1951 3.2.4 */
  deflate: {
    start: [],
    empty: [0, 0, 0, 255, 255],
    x: [0, 1, 0, 254, 255, 120],
    end: [1, 0, 0, 255, 255],
  },
  /** Metadata blocks, and an uncompressed one. RFC 7932 9.2 */
  br: { start: [12], empty: [6], x: [0, 0, 8, 120], end: [3] },
  ...(zstdCompress && {
    /** Raw blocks of one frame. RFC 8878 3.1.1.2 */
    zstd: {
      start: [0x28, 0xb5, 0x2f, 0xfd, 0, 0],
      empty: [0, 0, 0],
      x: [8, 0, 0, 120],
      end: [1, 0, 0],
    },
  }),
}

export const BOMB_CODINGS = Object.keys(PARTS)

/** Content of one coding in which at least `length` bytes in succession decode to nothing. */
export function idleContent(coding: string, length: number): Buffer {
  const { start, empty, x, end } = partsOf(coding)
  const times = Math.ceil(length / empty.length)
  return Buffer.concat([...[start, x].map(bytes), repeat(empty, times), ...[x, end].map(bytes)])
}

/**
 * A bomb of a few kilobytes, coded with `CODING, gzip, gzip`. It has 200 MB of content of the inner
 * coding, which decodes to 400 bytes: each half megabyte to an `x`.
 */
export function quietBomb(coding: string): { contentEncoding: string; body: Buffer } {
  const { start, empty, x, end } = partsOf(coding)
  const unit = Buffer.concat([repeat(empty, Math.ceil(500_000 / empty.length)), bytes(x)])
  const members = [
    gzipSync(bytes(start)),
    ...Array<Buffer>(400).fill(gzipSync(unit)),
    gzipSync(bytes(end)),
  ]
  const contentEncoding = `${coding}, gzip, gzip`
  return { contentEncoding, body: gzipSync(Buffer.concat(members)) }
}

function partsOf(coding: string): Parts {
  const parts = PARTS[coding]
  if (parts === undefined) throw new Error(`No bomb for ${coding}`)
  return parts
}

function bytes(values: readonly number[]): Buffer {
  return Buffer.from(values)
}

function repeat(values: readonly number[], times: number): Buffer {
  return Buffer.alloc(values.length * times, bytes(values))
}
