// How much work decoding may cause.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { DecodingError, ResponseTooLarge } from '../../src/errors.ts'
import { BOMB_CODINGS, idleContent, quietBomb } from './bombs.ts'
import { knownDecoder, noise, outcome, Source } from './decoding-samples.ts'

const MAX_IDLE = 1 << 20

/** Reads all chunks. Returns the number of bytes, and the error that ended them or null. */
async function count(chunks: AsyncIterable<Uint8Array>) {
  let length = 0
  let error: unknown = null
  try {
    for await (const chunk of chunks) length += chunk.length
  } catch (thrown) {
    error = thrown
  }
  return { length, error }
}

describe('50 content that decodes to nothing', () => {
  for (const coding of BOMB_CODINGS) {
    test(`${coding}: up to 1 MiB in succession is decoded`, async () => {
      const coded = idleContent(coding, MAX_IDLE - 1000)
      const { bytes, error } = await outcome(knownDecoder(coding).decode(new Source([coded])))
      assert.ifError(error)
      assert.equal(String(bytes), 'xx')
    })

    test(`${coding}: more than that is refused, whole and in short chunks`, async () => {
      const coded = idleContent(coding, 3 * MAX_IDLE)
      const short = Array.from({ length: Math.ceil(coded.length / 5000) }, (_, i) =>
        coded.subarray(i * 5000, (i + 1) * 5000),
      )
      for (const chunks of [[coded], short]) {
        const { bytes, error } = await outcome(knownDecoder(coding).decode(new Source(chunks)))
        assert.ok(error instanceof DecodingError, String(error))
        assert.match(error.message, /more than 1048576 bytes in succession decode to nothing$/)
        assert.equal(String(bytes), 'x')
      }
    })

    test(`${coding}: also below another coding`, async () => {
      const coded = zlib.gzipSync(idleContent(coding, 3 * MAX_IDLE))
      const decoding = async () => knownDecoder(`${coding}, gzip`).decodeBytes(coded)
      await assert.rejects(decoding, DecodingError)
    })
  }

  test('bytes after the end are ignored up to 1 MiB', async () => {
    for (const [coding, encode] of [
      ['gzip', zlib.gzipSync],
      ['deflate', zlib.deflateSync],
      ['br', zlib.brotliCompressSync],
    ] as const) {
      for (const [excess, isRefused] of [
        [MAX_IDLE - 100, false],
        [2 * MAX_IDLE, true],
      ] as const) {
        const coded = Buffer.concat([encode('x'), Buffer.alloc(excess)])
        const { bytes, error } = await outcome(knownDecoder(coding).decode(new Source([coded])))
        assert.equal(String(bytes), 'x')
        assert.equal(error instanceof DecodingError, isRefused, `${coding}: ${error}`)
      }
    }
  })
})

describe('50 the output of each coding is limited', () => {
  test('maxResponseSize applies to the output of inner codings', async () => {
    for (const coding of BOMB_CODINGS) {
      const { contentEncoding, body } = quietBomb(coding)
      const decoder = knownDecoder(contentEncoding)
      for (const max of [1000, 1_000_000]) {
        for (const decoding of [
          outcome(decoder.decode(new Source([body]), max)),
          outcome(decoder.decode(new Source([body, Buffer.alloc(0)]), max)),
        ]) {
          const { error } = await decoding
          assert.ok(error instanceof ResponseTooLarge, String(error))
          assert.match(error.message, new RegExp(`^The gzip content .* the limit is ${max}$`))
        }
        await assert.rejects(async () => decoder.decodeBytes(body, max), ResponseTooLarge)
      }
    }
  })

  test('an inner coding may exceed maxResponseSize by what coding adds to content', async () => {
    for (const size of [0, 1, 1000, 1_000_000]) {
      const content = noise(size)
      const coded = zlib.gzipSync(zlib.gzipSync(zlib.gzipSync(content, { level: 0 })))
      const decoder = knownDecoder('gzip, gzip, gzip')
      assert.ok(content.equals(await decoder.decodeBytes(coded, size)))
      const { bytes, error } = await outcome(decoder.decode(new Source([coded]), size))
      assert.ifError(error)
      assert.ok(content.equals(bytes))
    }
  })

  test('without maxResponseSize the limit is 256 MiB', async () => {
    const quality = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }
    const coded = zlib.brotliCompressSync(Buffer.alloc(260 << 20), quality)
    const { length, error } = await count(knownDecoder('br').decode(new Source([coded])))
    assert.ok(error instanceof ResponseTooLarge, String(error))
    assert.match(
      error.message,
      /^The br content .* the limit without maxResponseSize is 268435456$/,
    )
    assert.equal(length, 256 << 20)
  })

  test('or 1,100 bytes for each byte received, which plain gzip never reaches', async () => {
    const member = zlib.gzipSync(Buffer.alloc(64 << 20), { level: 9 })
    const source = new Source(Array(5).fill(member))
    const { length, error } = await count(knownDecoder('gzip').decode(source))
    assert.ifError(error)
    assert.equal(length, 320 << 20)
  })
})

test('50 many chunks of one byte are collected without keeping their objects', async () => {
  // Without joining, each chunk keeps an object of more than 100 bytes.
  const member = zlib.gzipSync('x')
  const name = Buffer.from([0x1f, 0x8b, 8, 0]) // looks like a member, so that each is decoded alone
  const named = Buffer.concat([member.subarray(0, 10), name, member.subarray(10)])
  named[3] = 8
  const times = 3000
  const coded = Buffer.alloc(named.length * times, named)
  const decoded = await knownDecoder('gzip').decodeBytes(coded)
  assert.equal(Buffer.from(decoded).toString(), 'x'.repeat(times))
})

test('50 a guard can end a coding that reads, but produces nothing', async () => {
  const reason = new Error('enough')
  for (const coding of BOMB_CODINGS) {
    let slices = 0
    const beforeSlice = () => {
      if (++slices > 5) throw reason
      return null
    }
    const source = new Source([idleContent(coding, MAX_IDLE - 1000)])
    const { error } = await outcome(knownDecoder(coding).decode(source, Infinity, { beforeSlice }))
    assert.equal(error, reason, coding)
  }
})

test('50 a guard is asked before each slice of work, and can end it', async () => {
  const { contentEncoding, body } = quietBomb('gzip')
  const reason = new Error('enough')
  for (const last of [0, 1, 10, 100]) {
    let slices = 0
    const beforeSlice = () => {
      if (slices++ === last) throw reason
      return null
    }
    const source = new Source([body])
    const guard = { beforeSlice }
    const { error } = await outcome(knownDecoder(contentEncoding).decode(source, Infinity, guard))
    assert.equal(error, reason)
    assert.equal(slices, last + 1)
    assert.equal(source.returned, 1)
  }
})
