import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { DecodingError, ResponseTooLarge } from '../../src/errors.ts'
import {
  bomb,
  encoders,
  knownDecoder,
  noise,
  spyOnInflateRaw,
  zstdCompress,
} from './decoding-samples.ts'

const short = Buffer.from('A short text, a short text, and a shorter one.')
const large = noise(300_000)

for (const [title, name, encode] of encoders) {
  describe(title, () => {
    test('a small body is decoded synchronously, a large one asynchronously', async () => {
      const decoded = knownDecoder(name).decodeBytes(encode(short))
      assert.ok(decoded instanceof Uint8Array)
      assert.deepEqual(Buffer.from(decoded), short)
      const pending = knownDecoder(name).decodeBytes(encode(large))
      assert.ok(pending instanceof Promise)
      assert.ok(large.equals(await pending))
    })

    test('a small body that decodes to a large one is decoded asynchronously', async () => {
      const zeros = Buffer.alloc(5_000_000)
      const coded = encode(zeros)
      if (coded.length > 65_536) return
      const pending = knownDecoder(name).decodeBytes(coded)
      assert.ok(pending instanceof Promise)
      assert.ok(zeros.equals(await pending))
    })

    test('empty content stays empty, and encoded empty content is decoded', () => {
      for (const coded of [Buffer.alloc(0), encode(Buffer.alloc(0))]) {
        const decoded = knownDecoder(name).decodeBytes(coded, 0)
        assert.ok(decoded instanceof Uint8Array)
        assert.equal(decoded.length, 0)
      }
    })

    test('27 truncated content', async () => {
      const coded = encode(short)
      for (let i = 1; i < coded.length; i++) {
        await assert.rejects(
          async () => knownDecoder(name).decodeBytes(coded.subarray(0, i)),
          DecodingError,
        )
      }
    })

    test('36 one byte with the limit 0', async () => {
      const coded = encode(Buffer.from('x'))
      await assert.rejects(async () => knownDecoder(name).decodeBytes(coded, 0), ResponseTooLarge)
    })

    for (const content of [short, large]) {
      test(`36 limits for ${content.length} bytes`, async () => {
        const coded = encode(content)
        const decoder = knownDecoder(name)
        assert.ok(content.equals(await decoder.decodeBytes(coded, content.length)))
        for (const max of [0, 1, content.length - 1]) {
          await assert.rejects(
            async () => decoder.decodeBytes(coded, max),
            (error) =>
              error instanceof ResponseTooLarge &&
              /^The decoded response body has at least \d+ bytes; the limit is \d+$/.test(
                error.message,
              ) &&
              error.message.endsWith(` ${max}`),
          )
        }
      })
    }

    test('the limit does not apply between two codings', async () => {
      const chain = encode(zlib.gzipSync(short, { level: 0 }))
      const decoded = knownDecoder(`gzip, ${name}`).decodeBytes(chain, short.length)
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
    const decoded = await knownDecoder(name).decodeBytes(coded)
    assert.ok(Buffer.concat([short, short]).equals(decoded), name)
    await assert.rejects(async () => knownDecoder(name).decodeBytes(coded.subarray(0, -1)))
  }
})

test('a small result does not keep a large buffer alive', () => {
  const decoded = knownDecoder('gzip').decodeBytes(zlib.gzipSync(short))
  assert.ok(decoded instanceof Uint8Array)
  assert.ok(decoded.buffer.byteLength <= Buffer.poolSize + 64, `${decoded.buffer.byteLength}`)
})

test('36 of a bomb, hardly more than the limit is decoded', async (t) => {
  const inflaters = spyOnInflateRaw(t)
  const whole = Buffer.concat(bomb())
  for (const coded of [whole, whole.subarray(0, 60_000)]) {
    await assert.rejects(
      async () => knownDecoder('gzip').decodeBytes(coded, 2_000_000),
      ResponseTooLarge,
    )
  }
  assert.equal(inflaters.length, 2)
  for (const { decodedBytes, stream } of inflaters) {
    assert.ok(decodedBytes <= 2_000_000 + 3 * 65_536, `${decodedBytes} bytes were decoded`)
    assert.ok(stream.destroyed)
  }
})
