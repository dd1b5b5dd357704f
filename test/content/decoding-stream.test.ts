import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { limitSize } from '../../src/content/decoding/decoder.ts'
import { DecodingError, ResponseTooLarge } from '../../src/errors.ts'
import type { SpiedInflater } from './decoding-samples.ts'
import {
  bomb,
  flipBits,
  knownDecoder,
  noise,
  outcome,
  Source,
  singleBytes,
  splitAt,
  spyOnInflateRaw,
  whileZlibWorks,
  zstdCompress,
} from './decoding-samples.ts'

const OUTPUT_CHUNK = 65_536
const text = Buffer.from('so far')
const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants

/** The output of encoders that were flushed, but not ended. */
const flushed: [name: string, coded: Buffer][] = [
  ['gzip', zlib.gzipSync(text, { finishFlush: Z_SYNC_FLUSH })],
  ['deflate', zlib.deflateSync(text, { finishFlush: Z_SYNC_FLUSH })],
  ['deflate', zlib.deflateRawSync(text, { finishFlush: Z_SYNC_FLUSH })],
  ['br', zlib.brotliCompressSync(text, { finishFlush: BROTLI_OPERATION_FLUSH })],
]
if (zstdCompress) {
  const { ZSTD_e_flush } = zlib.constants as unknown as { ZSTD_e_flush: number }
  const compress = zstdCompress as (bytes: Uint8Array, options: object) => Buffer
  flushed.push(['zstd', compress(text, { finishFlush: ZSTD_e_flush })])
}

function assertDecodedAtMost(inflater: SpiedInflater | undefined, max: number): void {
  assert.ok(inflater)
  assert.ok(inflater.decodedBytes <= max, `${inflater.decodedBytes} bytes were decoded`)
}

for (const [name, coded] of flushed) {
  test(`${name}: decodes what it can before it requests the next chunk`, async () => {
    const steps: string[] = []
    async function* source() {
      yield coded
      steps.push('next chunk requested')
    }
    await assert.rejects(async () => {
      for await (const chunk of knownDecoder(name).decode(source())) steps.push(String(chunk))
    }, DecodingError)
    assert.deepEqual(steps, ['so far', 'next chunk requested'])
  })

  test(`${name}: rethrows an error of the source after the bytes before it`, async () => {
    const failure = new Error('truncated')
    for (const chunks of [[coded], singleBytes(coded)]) {
      const { bytes, error } = await outcome(knownDecoder(name).decode(new Source(chunks, failure)))
      assert.equal(String(bytes), 'so far')
      assert.equal(error, failure)
    }
  })

  test(`${name}: rethrows an error of the source before the first byte`, async () => {
    const failure = new Error('truncated')
    const { error } = await outcome(knownDecoder(name).decode(new Source([], failure)))
    assert.equal(error, failure)
  })
}

test('nothing is read or decoded before the first chunk is requested', async (t) => {
  const inflaters = spyOnInflateRaw(t)
  const source = new Source([zlib.gzipSync(text)])
  const chunks = knownDecoder('gzip, gzip').decode(source)
  await whileZlibWorks()
  assert.equal(inflaters.length, 0)
  assert.equal(source.taken, 0)
  await chunks.return()
  await knownDecoder('gzip').decode(new Source([])).next()
  assert.equal(inflaters.length, 0)
})

describe('with a reader slower than the source', () => {
  test('36, 38 a bomb is decoded one output chunk at a time', async (t) => {
    const inflaters = spyOnInflateRaw(t)
    const source = new Source(bomb())
    const chunks = knownDecoder('gzip').decode(source)
    for (let read = 0; read < 2_000_000; read += OUTPUT_CHUNK) {
      const { value } = await chunks.next()
      assert.ok(value && value.length <= OUTPUT_CHUNK)
    }
    await whileZlibWorks()
    assertDecodedAtMost(inflaters[0], 2_000_000 + 3 * OUTPUT_CHUNK)
    assert.equal(source.taken, 1)
    await chunks.return()
  })

  test('36, 38 each coding of a chain is one output chunk ahead', async (t) => {
    const inflaters = spyOnInflateRaw(t)
    const chunks = knownDecoder('gzip, gzip').decode(
      new Source([zlib.gzipSync(Buffer.concat(bomb()))]),
    )
    for (let i = 0; i < 20; i++) await chunks.next()
    await whileZlibWorks()
    const [outer, inner] = inflaters
    assertDecodedAtMost(inner, 23 * OUTPUT_CHUNK)
    assertDecodedAtMost(outer, 3 * OUTPUT_CHUNK)
    await chunks.return()
  })

  test('the source is not read ahead', async () => {
    const coded = zlib.gzipSync(noise(1_000_000))
    const positions = Array.from({ length: 99 }, (_, i) => (i + 1) * 10_000)
    const source = new Source(splitAt(coded, ...positions))
    const chunks = knownDecoder('gzip').decode(source)
    for (let i = 1; i <= 20; i++) {
      await chunks.next()
      await whileZlibWorks()
      assert.ok(source.taken <= i + 1, `${source.taken} chunks were read for ${i}`)
    }
    await chunks.return()
  })
})

describe('an abandoned reader', () => {
  const ways: [way: string, abandon: (chunks: AsyncGenerator<Uint8Array>) => Promise<unknown>][] = [
    [
      'by break',
      async (chunks) => {
        for await (const _ of chunks) break
      },
    ],
    [
      'by return while a chunk is awaited',
      async (chunks) => {
        const first = chunks.next()
        await chunks.return(undefined)
        await first
      },
    ],
    [
      'by throw',
      async (chunks) => {
        await chunks.next()
        const failure = new Error('thrown into the generator')
        await assert.rejects(chunks.throw(failure), failure)
      },
    ],
  ]
  for (const [way, abandon] of ways) {
    test(`36 ${way}: decoding stops, decoders and source are closed`, async (t) => {
      const inflaters = spyOnInflateRaw(t)
      const source = new Source([zlib.gzipSync(Buffer.concat(bomb()))])
      await abandon(knownDecoder('gzip, gzip').decode(source))
      assert.equal(inflaters.length, 2)
      assert.ok(inflaters.every(({ stream }) => stream.destroyed))
      assert.equal(source.returned, 1)
      const before = inflaters.map(({ decodedBytes }) => decodedBytes)
      await whileZlibWorks()
      assert.deepEqual(
        inflaters.map(({ decodedBytes }) => decodedBytes),
        before,
      )
    })
  }
})

test('the decoders are closed after the end, and after an error', async (t) => {
  const inflaters = spyOnInflateRaw(t)
  const coded = zlib.gzipSync(text)
  const corrupt = Buffer.concat([coded, coded])
  flipBits(corrupt, coded.length + 12, 0xff)
  for (const [chunks, failure, returned] of [
    [[coded], null, 0],
    [[corrupt], null, 1],
    [[corrupt.subarray(0, -20)], null, 0],
    [[coded], new Error('truncated'), 0],
  ] as const) {
    const source = new Source(chunks, failure)
    await outcome(knownDecoder('gzip').decode(source))
    assert.equal(source.returned, returned)
  }
  assert.equal(inflaters.length, 3)
  assert.ok(inflaters.every(({ stream }) => stream.destroyed))
})

describe('limitSize', () => {
  const chunks = ['abc', '', 'de', 'f'].map((chunk) => Buffer.from(chunk))
  for (const max of [0, 1, 2, 3, 4, 5, 6, 7, Infinity]) {
    test(`with the limit ${max} for 6 bytes`, async () => {
      const source = new Source(chunks.filter((chunk) => chunk.length > 0))
      const { bytes, error } = await outcome(limitSize(source, max))
      assert.equal(String(bytes), 'abcdef'.slice(0, max))
      if (max >= 6) return assert.equal(error, null)
      assert.ok(error instanceof ResponseTooLarge)
      const received = max < 3 ? 3 : max < 5 ? 5 : 6
      assert.equal(
        error.message,
        `The decoded response body has at least ${received} bytes; the limit is ${max}`,
      )
      assert.equal(source.returned, 1)
    })
  }

  test('rethrows errors of the source, and adds the given facts to its own', async () => {
    const failure = new Error('truncated')
    const failing = new Source(chunks.slice(0, 1), failure)
    assert.equal((await outcome(limitSize(failing, 3))).error, failure)
    const request = { method: 'GET' }
    const { error } = await outcome(limitSize(new Source([text]), 1, { request }))
    assert.ok(error instanceof ResponseTooLarge)
    assert.equal(error.request, request)
  })

  test('36, 37 of a bomb, hardly more than the limit is decoded', async (t) => {
    const inflaters = spyOnInflateRaw(t)
    const source = new Source(bomb())
    const { bytes, error } = await outcome(
      limitSize(knownDecoder('gzip').decode(source), 1_000_000),
    )
    assert.equal(bytes.length, 1_000_000)
    assert.ok(error instanceof ResponseTooLarge)
    await whileZlibWorks()
    assertDecodedAtMost(inflaters[0], 1_000_000 + 3 * OUTPUT_CHUNK)
    assert.ok(inflaters[0]?.stream.destroyed)
    assert.equal(source.taken, 1)
    assert.equal(source.returned, 1)
  })
})
