import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { DecodingError, ResponseTooLarge } from '../../src/errors.ts'
import { bomb, decodingOf, encoders, noise, spyOnGunzip, zstdCompress } from './decoding-samples.ts'

const short = Buffer.from('A short text, a short text, and a shorter one.')
const large = noise(300_000)

for (const [title, name, encode] of encoders) {
  describe(title, () => {
    test('a small body at once, a large one with a promise', async () => {
      const decoded = decodingOf(name).decodeWhole(encode(short))
      assert.ok(decoded instanceof Uint8Array)
      assert.deepEqual(Buffer.from(decoded), short)
      const pending = decodingOf(name).decodeWhole(encode(large))
      assert.ok(pending instanceof Promise)
      assert.ok(large.equals(await pending))
    })

    test('what is small and becomes large, with a promise', async () => {
      const zeros = Buffer.alloc(5_000_000)
      const coded = encode(zeros)
      if (coded.length > 65_536) return
      const pending = decodingOf(name).decodeWhole(coded)
      assert.ok(pending instanceof Promise)
      assert.ok(zeros.equals(await pending))
    })

    test('empty content stays empty, and what decodes to nothing is nothing', () => {
      for (const coded of [Buffer.alloc(0), encode(Buffer.alloc(0))]) {
        const decoded = decodingOf(name).decodeWhole(coded, 0)
        assert.ok(decoded instanceof Uint8Array)
        assert.equal(decoded.length, 0)
      }
    })

    test('27 broken or cut short', async () => {
      const coded = encode(short)
      for (let i = 1; i < coded.length; i++) {
        await assert.rejects(
          async () => decodingOf(name).decodeWhole(coded.subarray(0, i)),
          DecodingError,
        )
      }
    })

    test('36 one byte is more than none', async () => {
      const coded = encode(Buffer.from('x'))
      await assert.rejects(async () => decodingOf(name).decodeWhole(coded, 0), ResponseTooLarge)
    })

    for (const content of [short, large]) {
      test(`36 up to max, of ${content.length} bytes`, async () => {
        const coded = encode(content)
        const decoding = decodingOf(name)
        assert.ok(content.equals(await decoding.decodeWhole(coded, content.length)))
        for (const max of [0, 1, content.length - 1]) {
          await assert.rejects(
            async () => decoding.decodeWhole(coded, max),
            (error) =>
              error instanceof ResponseTooLarge &&
              /^The response has at least \d+ bytes, more than \d+$/.test(error.message) &&
              error.message.endsWith(` ${max}`),
          )
        }
      })
    }

    test('a chain, smaller at its end than within', async () => {
      const chain = encode(zlib.gzipSync(short, { level: 0 }))
      const decoded = decodingOf(`gzip, ${name}`).decodeWhole(chain, short.length)
      assert.ok(decoded instanceof Uint8Array)
      assert.deepEqual(Buffer.from(decoded), short)
    })
  })
}

test('several members or frames', async () => {
  const kinds: [name: string, encode: (bytes: Uint8Array) => Buffer][] = [['gzip', zlib.gzipSync]]
  if (zstdCompress) kinds.push(['zstd', zstdCompress])
  for (const [name, encode] of kinds) {
    const coded = Buffer.concat([encode(short), encode(short)])
    const decoded = await decodingOf(name).decodeWhole(coded)
    assert.ok(Buffer.concat([short, short]).equals(decoded), name)
    await assert.rejects(async () => decodingOf(name).decodeWhole(coded.subarray(0, -1)))
  }
})

test('a small result does not keep a large buffer alive', () => {
  const decoded = decodingOf('gzip').decodeWhole(zlib.gzipSync(short))
  assert.ok(decoded instanceof Uint8Array)
  assert.ok(decoded.buffer.byteLength <= Buffer.poolSize + 64, `${decoded.buffer.byteLength}`)
})

test('36 a bomb: hardly more than max is decoded', async (t) => {
  const made = spyOnGunzip(t)
  for (const coded of [Buffer.concat(bomb()), bomb()[0].subarray(0, 60_000)]) {
    await assert.rejects(
      async () => decodingOf('gzip').decodeWhole(coded, 2_000_000),
      ResponseTooLarge,
    )
  }
  assert.equal(made.length, 2)
  for (const { out, stream } of made) {
    assert.ok(out <= 2_000_000 + 3 * 65_536, `${out} bytes came out`)
    assert.ok(stream.destroyed)
  }
})
