import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import type { ContentInit } from '../../src/content/body-options.ts'
import {
  discardContent,
  isReplayable,
  lengthOf,
  readContent,
  refuseSpent,
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

describe('progress', () => {
  const blob = new Blob([Buffer.alloc(200_000)])
  const contents: [
    name: string,
    make: () => ContentInit,
    total: number | null,
    bytes: number[] | number,
  ][] = [
    ['no bytes', () => '', 0, []],
    ['a string', () => 'é', 2, [2]],
    ['bytes', () => Buffer.alloc(10), 10, [10]],
    ['a slice', () => Buffer.alloc(SLICE), SLICE, [SLICE]],
    ['more bytes', () => Buffer.alloc(SLICE + 1), SLICE + 1, [SLICE, SLICE + 1]],
    ['a long string', () => 'x'.repeat(2 * SLICE), 2 * SLICE, [SLICE, 2 * SLICE]],
    ['an array', () => ['abc', '', Buffer.alloc(2)], null, [3, 5]],
    ['large chunks', () => [Buffer.alloc(SLICE + 1), 'a'], null, [SLICE, SLICE + 1, SLICE + 2]],
    ['a Readable', () => Readable.from(['abc', 'de']), null, [3, 5]],
    ['nothing from a stream', () => Readable.from([]), null, []],
    ['a Blob', () => blob, blob.size, blob.size],
  ]
  for (const [name, make, total, bytes] of contents) {
    test(`of ${name}`, async () => {
      const reports: Progress[] = []
      const plain = toContent(make())
      const body = withProgress(plain, (progress) => reports.push(progress))
      assert.equal(lengthOf(body), total)
      assert.equal(isReplayable(body), isReplayable(plain))
      const rounds = isReplayable(body) ? 2 : 1
      for (let round = 0; round < rounds; round++) {
        refuseSpent(body, { method: 'PUT' })
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
        assert.throws(() => refuseSpent(body, { method: 'PUT' }), { name: 'StreamConsumed' })
      }
    })
  }

  test('of a form counts all of it', async () => {
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

  test('takes the total from one who knows it', async () => {
    const reports: Progress[] = []
    const body = withProgress(['abc'], (progress) => reports.push(progress), 3)
    assert.equal(lengthOf(body), null)
    await readContent(body)
    assert.deepEqual(reports, [{ bytes: 3, total: 3 }])
  })

  test('tells of a slice when it was taken, not when it is handed out', async () => {
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

  test('does not copy bytes', async () => {
    const bytes = Buffer.alloc(10)
    const { value } = await iteratorOf(withProgress(bytes, () => {})).next()
    assert.equal(value?.buffer, bytes.buffer)
  })

  test('needs a function', () => {
    assert.throws(() => withProgress('x', 7 as never), {
      name: 'TypeError',
      message: 'onUploadProgress must be a function, not number',
    })
  })
})

describe('a callback that fails', () => {
  const cause = new Error('the bar is broken')
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
    test(`${name}: the upload fails with it, and its source is closed`, async () => {
      const stream = new PassThrough()
      stream.write('abc')
      await assert.rejects(readContent(withProgress(toContent(stream), callback)), cause)
      assert.equal(stream.destroyed, true)
      await assert.rejects(readContent(withProgress('abc', callback)), cause)
    })
  }
})

describe('what nobody wants is closed', () => {
  test('before it is read, in the middle, and while it is awaited', async () => {
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

  test('when the source gives what is no bytes', async () => {
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
