import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { limited } from '../../src/content/decoding/decoder.ts'
import { DecodingError, ResponseTooLarge } from '../../src/errors.ts'
import {
  bomb,
  crumbs,
  cutAt,
  decodingOf,
  noise,
  outcome,
  Source,
  spyOnGunzip,
  whileZlibWorks,
  zstdCompress,
} from './decoding-samples.ts'

const WINDOW = 65_536
const text = Buffer.from('so far')
const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants

/** What a server sends that flushes its encoder and goes on later. */
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

for (const [name, coded] of flushed) {
  test(`${name}: what can be decoded comes out before the next chunk is asked for`, async () => {
    const steps: string[] = []
    async function* source() {
      yield coded
      steps.push('asked for more')
    }
    await assert.rejects(async () => {
      for await (const chunk of decodingOf(name).decode(source())) steps.push(String(chunk))
    }, DecodingError)
    assert.deepEqual(steps, ['so far', 'asked for more'])
  })

  test(`${name}: the error of the source passes unchanged, after what came before it`, async () => {
    const cut = new Error('cut')
    for (const chunks of [[coded], crumbs(coded)]) {
      const { bytes, error } = await outcome(decodingOf(name).decode(new Source(chunks, cut)))
      assert.equal(String(bytes), 'so far')
      assert.equal(error, cut)
    }
  })

  test(`${name}: an error of the source before any byte`, async () => {
    const cut = new Error('cut')
    const { error } = await outcome(decodingOf(name).decode(new Source([], cut)))
    assert.equal(error, cut)
  })
}

test('nothing is decoded, and nothing taken, before the first chunk is asked for', async (t) => {
  const made = spyOnGunzip(t)
  const source = new Source([zlib.gzipSync(text)])
  const chunks = decodingOf('gzip, gzip').decode(source)
  await whileZlibWorks()
  assert.equal(made.length, 0)
  assert.equal(source.taken, 0)
  await chunks.return()
  await decodingOf('gzip').decode(new Source([])).next()
  assert.equal(made.length, 0)
})

describe('a reader slower than the source', () => {
  test('36, 38 a bomb goes off one window at a time', async (t) => {
    const made = spyOnGunzip(t)
    const source = new Source(bomb())
    const chunks = decodingOf('gzip').decode(source)
    for (let read = 0; read < 2_000_000; read += WINDOW) {
      const { value } = await chunks.next()
      assert.ok(value && value.length <= WINDOW)
    }
    await whileZlibWorks()
    assert.ok(made[0].out <= 2_000_000 + 3 * WINDOW, `${made[0].out} bytes came out`)
    assert.equal(source.taken, 1)
    await chunks.return()
  })

  test('36, 38 of a chain, each coding is one window ahead', async (t) => {
    const made = spyOnGunzip(t)
    const chunks = decodingOf('gzip, gzip').decode(
      new Source([zlib.gzipSync(Buffer.concat(bomb()))]),
    )
    for (let i = 0; i < 20; i++) await chunks.next()
    await whileZlibWorks()
    const ahead = made.map(({ out }) => out)
    assert.ok(ahead[1] <= 23 * WINDOW, `${ahead} bytes came out`)
    assert.ok(ahead[0] <= 3 * WINDOW, `${ahead} bytes came out`)
    await chunks.return()
  })

  test('is not run ahead of at the source', async () => {
    const coded = zlib.gzipSync(noise(1_000_000))
    const places = Array.from({ length: 99 }, (_, i) => (i + 1) * 10_000)
    const source = new Source(cutAt(coded, ...places))
    const chunks = decodingOf('gzip').decode(source)
    for (let i = 1; i <= 20; i++) {
      await chunks.next()
      await whileZlibWorks()
      assert.ok(source.taken <= i + 1, `${source.taken} chunks were taken for ${i}`)
    }
    await chunks.return()
  })
})

describe('abandoned', () => {
  const ways: [way: string, leave: (chunks: AsyncGenerator<Uint8Array>) => Promise<unknown>][] = [
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
        const enough = new Error('enough')
        await assert.rejects(chunks.throw(enough), enough)
      },
    ],
  ]
  for (const [way, leave] of ways) {
    test(`36 ${way}: decoding stops, all is closed, the source too`, async (t) => {
      const made = spyOnGunzip(t)
      const source = new Source([zlib.gzipSync(Buffer.concat(bomb()))])
      await leave(decodingOf('gzip, gzip').decode(source))
      assert.equal(made.length, 2)
      assert.ok(made.every(({ stream }) => stream.destroyed))
      assert.equal(source.returned, 1)
      const before = made.map(({ out }) => out)
      await whileZlibWorks()
      assert.deepEqual(
        made.map(({ out }) => out),
        before,
      )
    })
  }
})

test('all is closed after the end, and after an error', async (t) => {
  const made = spyOnGunzip(t)
  const coded = zlib.gzipSync(text)
  const broken = Buffer.concat([coded, coded])
  broken[coded.length + 12] ^= 0xff
  for (const [chunks, cut, returned] of [
    [[coded], null, 0],
    [[broken], null, 1],
    [[broken.subarray(0, -20)], null, 0],
    [[coded], new Error('cut'), 0],
  ] as const) {
    const source = new Source(chunks, cut)
    await outcome(decodingOf('gzip').decode(source))
    assert.equal(source.returned, returned)
  }
  assert.equal(made.length, 4)
  assert.ok(made.every(({ stream }) => stream.destroyed))
})

describe('limited', () => {
  const chunks = ['abc', '', 'de', 'f'].map((chunk) => Buffer.from(chunk))
  for (const max of [0, 1, 2, 3, 4, 5, 6, 7, Infinity]) {
    test(`to ${max} of 6 bytes`, async () => {
      const source = new Source(chunks.filter((chunk) => chunk.length > 0))
      const { bytes, error } = await outcome(limited(source, max))
      assert.equal(String(bytes), 'abcdef'.slice(0, max))
      if (max >= 6) return assert.equal(error, null)
      assert.ok(error instanceof ResponseTooLarge)
      const received = max < 3 ? 3 : max < 5 ? 5 : 6
      assert.equal(error.message, `The response has at least ${received} bytes, more than ${max}`)
      assert.equal(source.returned, 1)
    })
  }

  test('passes errors on, and has the facts that were given', async () => {
    const cut = new Error('cut')
    assert.equal((await outcome(limited(new Source(chunks.slice(0, 1), cut), 3))).error, cut)
    const request = { method: 'GET' }
    const { error } = await outcome(limited(new Source([text]), 1, { request }))
    assert.ok(error instanceof ResponseTooLarge)
    assert.equal(error.request, request)
  })

  test('36, 37 a bomb: hardly more than the bound is decoded', async (t) => {
    const made = spyOnGunzip(t)
    const source = new Source(bomb())
    const { bytes, error } = await outcome(limited(decodingOf('gzip').decode(source), 1_000_000))
    assert.equal(bytes.length, 1_000_000)
    assert.ok(error instanceof ResponseTooLarge)
    await whileZlibWorks()
    assert.ok(made[0].out <= 1_000_000 + 3 * WINDOW, `${made[0].out} bytes came out`)
    assert.ok(made[0].stream.destroyed)
    assert.equal(source.taken, 1)
    assert.equal(source.returned, 1)
  })
})
