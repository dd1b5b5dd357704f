import type { InflateRaw } from 'node:zlib'
import type { OwnedBytes } from '../../models/bytes.ts'
import { ZlibReader } from './zlib-reader.ts'

/** Why gzip content is invalid, in the words of zlib. */
const INVALID = {
  start: 'incorrect header check',
  flags: 'unknown header flags set',
  end: 'unexpected end of file',
  checksum: 'incorrect data check',
  length: 'incorrect length check',
} as const

/** The first bytes of a member: two for gzip, and the compression method. RFC 1952 2.3.1 */
const MEMBER_START = Buffer.from([0x1f, 0x8b, 8])
const FLAG = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const

/** The result of decoding short data. */
export interface ShortData {
  readonly content: OwnedBytes
  /** How many bytes were decoded. */
  readonly length: number
}

/** The functions of `node:zlib` that decode members. */
export interface MemberZlib {
  createInflateRaw(): InflateRaw
  /**
   * Decodes members synchronously. For short members this takes a hundredth of the time of a stream
   * for each. Returns null if `bytes` are not complete members, or decode to more than 256 KiB.
   */
  gunzipShort(bytes: Uint8Array): ShortData | null
  /**
   * Decodes DEFLATE data synchronously, which takes a tenth of the time of a stream if it is short.
   * Returns null if the data does not end in `bytes`, is invalid, or decodes to more than 256 KiB.
   *
   * @param length the probable length of the data
   */
  inflateShort(bytes: Uint8Array, length: number): ShortData | null
  crc32(bytes: Uint8Array, previous: number): number
}

/**
 * Decodes gzip content: members, one after another. Bytes after a member that do not begin another
 * one are read and ignored, as by the gzip command.
 *
 * The gunzip streams of `node:zlib` cannot be used. They report such bytes as an error, and lose
 * the output of the write in which they find them.
 *
 * @param slices the content in short pieces, none of them empty
 * @param toError creates the error to throw for invalid or truncated content
 */
export async function* decodeMembers(
  slices: AsyncIterable<Uint8Array>,
  zlib: MemberZlib,
  toError: (cause: unknown) => Error,
): AsyncGenerator<OwnedBytes, void, undefined> {
  const invalid = (why: keyof typeof INVALID) => toError(new Error(INVALID[why]))
  const input = new SliceCursor(slices, () => invalid('end'))
  /** The slice with members that `gunzipShort` could not decode. */
  let refused: Uint8Array | null = null
  try {
    for (let isFirst = true; await input.fill(); isFirst = false) {
      // Up to the beginning of the last member in this slice; it may continue in the next one.
      const members = input.rest.subarray(0, Math.max(input.rest.lastIndexOf(MEMBER_START), 0))
      if (members.length > 0 && input.slice !== refused) {
        const short = zlib.gunzipShort(members)
        if (short?.length === members.length) {
          input.advance(short.length)
          if (short.content.length > 0) yield short.content
          continue
        }
        refused = input.slice // it is tried once, so that refusals do not add up
      }

      if (!(await startsMember(input))) {
        if (isFirst) throw invalid('start')
        while (await input.fill()) input.advance(input.rest.length)
        return
      }
      await skipHeader(input, invalid)
      await input.require()
      let checksum = 0
      let length = 0
      const nextMember = input.rest.indexOf(MEMBER_START)
      const short = nextMember === -1 ? null : zlib.inflateShort(input.rest, nextMember)
      if (short !== null) {
        input.advance(short.length)
        length = short.content.length
        checksum = zlib.crc32(short.content, checksum)
        if (length > 0) yield short.content
      } else {
        const inflater = new ZlibReader(zlib.createInflateRaw(), toError)
        try {
          do {
            await input.require()
            const { rest } = input
            inflater.write(rest)
            for (let out = await inflater.read(); out !== null; out = await inflater.read()) {
              length += out.length
              checksum = zlib.crc32(out, checksum)
              yield out
            }
            input.advance(rest.length - inflater.unused)
          } while (inflater.unused === 0)
        } finally {
          inflater.destroy()
        }
      }
      if ((await input.number(4)) !== checksum) throw invalid('checksum')
      if ((await input.number(4)) !== length % 2 ** 32) throw invalid('length')
    }
  } finally {
    await input.close()
  }
}

/** Whether the next bytes begin a member. Reads them if they do. */
async function startsMember(input: SliceCursor): Promise<boolean> {
  for (const expected of MEMBER_START) {
    if ((await input.number(1)) !== expected) return false
  }
  return true
}

/** Skips the header of a member after its first bytes. RFC 1952 2.3 */
async function skipHeader(
  input: SliceCursor,
  invalid: (why: keyof typeof INVALID) => Error,
): Promise<void> {
  const flags = await input.number(1)
  if ((flags & FLAG.reserved) !== 0) throw invalid('flags')
  await input.skip(6) // time, extra flags, operating system
  if ((flags & FLAG.extra) !== 0) await input.skip(await input.number(2))
  if ((flags & FLAG.name) !== 0) await input.skipText()
  if ((flags & FLAG.comment) !== 0) await input.skipText()
  if ((flags & FLAG.headerChecksum) !== 0) await input.skip(2)
}

/** A position in content that arrives in slices. */
class SliceCursor {
  slice: Uint8Array = Buffer.alloc(0)
  readonly #slices: AsyncIterator<Uint8Array>
  readonly #truncated: () => Error
  #position = 0

  /** @param truncated creates the error to throw if the content ends too early */
  constructor(slices: AsyncIterable<Uint8Array>, truncated: () => Error) {
    this.#slices = slices[Symbol.asyncIterator]()
    this.#truncated = truncated
  }

  /** The bytes from here to the end of the slice. */
  get rest(): Buffer {
    const { buffer, byteOffset, byteLength } = this.slice
    const start = byteOffset + this.#position
    return Buffer.from(buffer, start, byteLength - this.#position)
  }

  advance(count: number): void {
    this.#position += count
  }

  /** Reads the next slice if no bytes are left of this one. Resolves with false at the end. */
  async fill(): Promise<boolean> {
    if (this.#position < this.slice.length) return true
    const step = await this.#slices.next()
    if (step.done) return false
    this.slice = step.value
    this.#position = 0
    return true
  }

  /** Does the same as `fill`. Throws at the end. */
  async require(): Promise<void> {
    if (!(await this.fill())) throw this.#truncated()
  }

  /** Reads a little-endian number of this many bytes. */
  async number(bytes: number): Promise<number> {
    let value = 0
    for (let i = 0; i < bytes; i++) {
      await this.require()
      value += (this.slice[this.#position++] ?? 0) * 256 ** i
    }
    return value
  }

  async skip(bytes: number): Promise<void> {
    for (let missing = bytes; missing > 0; ) {
      await this.require()
      const skipped = Math.min(missing, this.slice.length - this.#position)
      this.#position += skipped
      missing -= skipped
    }
  }

  /** Skips a text and the zero byte after it. */
  async skipText(): Promise<void> {
    for (;;) {
      await this.require()
      const end = this.slice.indexOf(0, this.#position)
      this.#position = end === -1 ? this.slice.length : end + 1
      if (end !== -1) return
    }
  }

  async close(): Promise<void> {
    await this.#slices.return?.()
  }
}
