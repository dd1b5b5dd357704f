import assert from 'node:assert/strict'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { decoderFor } from '../../../src/content/decoding/decoder.ts'
import { DecodingError } from '../../../src/errors.ts'
import { latin1Text } from '../hostile-text.ts'
import { target } from '../target.ts'

const { zstdCompressSync } = zlib as unknown as {
  zstdCompressSync?: (bytes: Uint8Array) => Buffer
}

const CODINGS: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: zlib.gzipSync,
  deflate: zlib.deflateSync,
  br: zlib.brotliCompressSync,
  ...(zstdCompressSync && { zstd: zstdCompressSync }),
}

/** The bytes with which a gzip member begins. */
const MEMBER_START = Buffer.from([0x1f, 0x8b, 8])

/**
 * Decodes members and frames in up to four layers, some of them empty, with bytes after the end and
 * cut short. The result is the same in one piece and in short ones, or an error after a beginning
 * of it.
 */
export const members = target({
  name: 'members',
  inputs: fc.record({
    members: fc.array(
      fc.record({
        text: fc.oneof(latin1Text, fc.constant(''), fc.constant(MEMBER_START.latin1Slice())),
        times: fc.nat(200),
        level: fc.constantFrom(0, 9),
        hasName: fc.boolean(),
      }),
      { minLength: 1, maxLength: 20 },
    ),
    repeated: fc.integer({ min: 1, max: 30 }),
    excess: fc.uint8Array({ maxLength: 20 }),
    outer: fc.array(fc.constantFrom(...Object.keys(CODINGS)), { maxLength: 3 }),
    cut: fc.nat(12),
    piece: fc.integer({ min: 1, max: 100_000 }),
  }),
  async check({ members, repeated, excess, outer, cut, piece }) {
    const coded = Buffer.concat(members.map(memberOf))
    const plain = Buffer.concat(
      members.map(({ text, times }) => Buffer.from(text.repeat(times), 'latin1')),
    )
    const content = Buffer.concat([...Array<Buffer>(repeated).fill(coded), excess])
    const expected = Buffer.alloc(plain.length * repeated, plain)
    const layered = outer.reduce<Buffer>(
      (bytes, coding) => (CODINGS[coding] as (typeof CODINGS)[string])(bytes),
      content,
    )
    const body = layered.subarray(0, layered.length - Math.min(cut, layered.length))
    const decoder = decoderFor(['gzip', ...outer].join())
    assert.ok(decoder)

    const whole = await outcome(decoder.decode(pieces(body, body.length)))
    const split = await outcome(decoder.decode(pieces(body, piece)))
    assert.equal(whole.error === null, split.error === null)
    if (whole.error === null) assert.ok(whole.bytes.equals(split.bytes))
    for (const { bytes } of [whole, split]) {
      assert.ok(bytes.equals(expected.subarray(0, bytes.length)), 'decoded to other bytes')
    }
    const read = await Promise.resolve()
      .then(() => decoder.decodeBytes(body))
      .catch(errorOf)
    if (whole.error === null) assert.ok(whole.bytes.equals(read as Uint8Array))
    else assert.ok(read instanceof DecodingError)
    // The excess may look like the beginning of a member, which is then invalid.
    const isBegun = excess.length > 0 && excess[0] === MEMBER_START[0]
    if (cut === 0 && !isBegun) {
      assert.equal(whole.error, null)
      assert.ok(whole.bytes.equals(expected))
    }
  },
})

function memberOf(member: {
  text: string
  times: number
  level: number
  hasName: boolean
}): Buffer {
  const content = Buffer.from(member.text.repeat(member.times), 'latin1')
  const coded = zlib.gzipSync(content, { level: member.level })
  if (!member.hasName) return coded
  const named = Buffer.concat([
    coded.subarray(0, 10),
    MEMBER_START,
    Buffer.alloc(1),
    coded.subarray(10),
  ])
  named[3] = 8
  return named
}

async function outcome(chunks: AsyncIterable<Uint8Array>) {
  const all: Uint8Array[] = []
  let error: DecodingError | null = null
  try {
    for await (const chunk of chunks) all.push(chunk)
  } catch (thrown) {
    error = errorOf(thrown)
  }
  return { bytes: Buffer.concat(all), error }
}

function errorOf(error: unknown): DecodingError {
  if (error instanceof DecodingError) return error
  throw error
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
