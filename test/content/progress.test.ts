import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import type { ContentInit } from '../../src/content/body-options.ts'
import {
  discardContent,
  isReplayable,
  lengthOf,
  readContent,
  throwIfConsumed,
} from '../../src/content/content.ts'
import { encodeBody } from '../../src/content/encode-body.ts'
import type { Progress } from '../../src/content/progress.ts'
import { withProgress } from '../../src/content/progress.ts'
import { toContent } from '../../src/content/to-content.ts'
import type { Body } from '../../src/models/request.ts'

const SLICE = 65_536

function iteratorOf(body: Body): AsyncIterator<Uint8Array> {
  return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
}

describe('progress is reported', () => {
  const blob = new Blob([Buffer.alloc(200_000)])
  const contents: [
    name: string,
    make: () => ContentInit,
    total: number | null,
    bytes: number[] | number,
  ][] = [
    ['an empty string', () => '', 0, []],
    ['a string', () => 'é', 2, [2]],
    ['bytes', () => Buffer.alloc(10), 10, [10]],
    ['a slice', () => Buffer.alloc(SLICE), SLICE, [SLICE]],
    ['more than a slice', () => Buffer.alloc(SLICE + 1), SLICE + 1, [SLICE, SLICE + 1]],
    ['a long string', () => 'x'.repeat(2 * SLICE), 2 * SLICE, [SLICE, 2 * SLICE]],
    ['an array', () => ['abc', '', Buffer.alloc(2)], null, [3, 5]],
    ['large chunks', () => [Buffer.alloc(SLICE + 1), 'a'], null, [SLICE, SLICE + 1, SLICE + 2]],
    ['a Readable', () => Readable.from(['abc', 'de']), null, [3, 5]],
    ['an empty Readable', () => Readable.from([]), null, []],
    ['a Blob', () => blob, blob.size, blob.size],
  ]
  for (const [name, make, total, bytes] of contents) {
    test(`for ${name}`, async () => {
      const reports: Progress[] = []
      const plain = toContent(make())
      const body = withProgress(plain, (progress) => reports.push(progress))
      assert.equal(lengthOf(body), total)
      assert.equal(isReplayable(body), isReplayable(plain))
      const rounds = isReplayable(body) ? 2 : 1
      for (let round = 0; round < rounds; round++) {
        throwIfConsumed(body, { method: 'PUT' })
        reports.length = 0
        const read = await readContent(body)
        for (const report of reports) assert.equal(report.total, total)
        const seen = reports.map((report) => report.bytes)
        if (typeof bytes !== 'number') assert.deepEqual(seen, bytes)
        assert.deepEqual(
          seen,
          [...new Set(seen)].sort((a, b) => a - b),
        )
        assert.equal(seen.at(-1) ?? 0, read.length)
      }
      if (rounds === 1) {
        assert.throws(() => throwIfConsumed(body, { method: 'PUT' }), { name: 'StreamConsumed' })
      }
    })
  }

  test('for a form, including its part headers', async () => {
    const encoded = encodeBody({ files: { f: blob } }, null)
    assert.ok(encoded)
    const reports: Progress[] = []
    const body = withProgress(encoded.content, (progress) => reports.push(progress))
    await readContent(body)
    assert.deepEqual(reports.at(-1), {
      bytes: lengthOf(encoded.content),
      total: lengthOf(encoded.content),
    })
  })

  test('with the given total', async () => {
    const reports: Progress[] = []
    const body = withProgress(['abc'], (progress) => reports.push(progress), 3)
    assert.equal(lengthOf(body), null)
    await readContent(body)
    assert.deepEqual(reports, [{ bytes: 3, total: 3 }])
  })

  test('for a slice when the next one is requested', async () => {
    const reports: number[] = []
    const body = withProgress(Buffer.alloc(2 * SLICE), ({ bytes }) => reports.push(bytes))
    const iterator = iteratorOf(body)
    await iterator.next()
    assert.deepEqual(reports, [])
    await iterator.next()
    assert.deepEqual(reports, [SLICE])
    await iterator.return?.()
    assert.deepEqual(reports, [SLICE])
    assert.equal((await iterator.next()).done, true)
  })

  test('without copying bytes', async () => {
    const bytes = Buffer.alloc(10)
    const { value } = await iteratorOf(withProgress(bytes, () => {})).next()
    assert.equal(value?.buffer, bytes.buffer)
  })

  test('only to a function', () => {
    assert.throws(() => withProgress('x', 7 as never), {
      name: 'TypeError',
      message: 'onUploadProgress must be a function, not number',
    })
  })
})

describe('a callback that fails', () => {
  const cause = new Error('thrown by the callback')
  const callbacks: [name: string, callback: () => void][] = [
    [
      'throws',
      () => {
        throw cause
      },
    ],
    ['rejects', async () => Promise.reject(cause)],
  ]
  for (const [name, callback] of callbacks) {
    test(`${name}: the upload fails with the error, and its source is closed`, async () => {
      const stream = new PassThrough()
      stream.write('abc')
      await assert.rejects(readContent(withProgress(toContent(stream), callback)), cause)
      assert.equal(stream.destroyed, true)
      await assert.rejects(readContent(withProgress('abc', callback)), cause)
    })
  }
})

describe('unneeded content is closed', () => {
  test('before it is read, and while a chunk is awaited', async () => {
    const fresh = new PassThrough()
    discardContent(withProgress(toContent(fresh), () => {}))
    assert.equal(fresh.destroyed, true)
    discardContent(withProgress('x', () => {}))

    const begun = new PassThrough()
    begun.write('abc')
    const iterator = iteratorOf(withProgress(toContent(begun), () => {}))
    await iterator.next()
    const pending = iterator.next()
    await iterator.return?.()
    assert.equal(begun.destroyed, true)
    await assert.rejects(pending, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('when the source yields a chunk that is not bytes', async () => {
    let closed = false
    function* numbers(): Generator<never> {
      try {
        yield 7 as never
      } finally {
        closed = true
      }
    }
    const body = withProgress(toContent(numbers()), () => {})
    await assert.rejects(readContent(body), TypeError)
    assert.equal(closed, true)
  })
})
