import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createReadStream, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ContentInit } from '../../src/content/body-options.ts'
import {
  discardContent,
  isReplayable,
  lengthOf,
  readContent,
  refuseSpent,
} from '../../src/content/content.ts'
import { toContent } from '../../src/content/to-content.ts'
import { StreamConsumed } from '../../src/errors.ts'
import type { Body } from '../../src/models/request.ts'
import { whilePolluted } from '../support/pollution.ts'

const request = { method: 'PUT', url: 'http://h/' }
const isSpent = { name: 'StreamConsumed' }

/** A generator that notes how it went. */
function watched(chunks: readonly string[]) {
  const seen: string[] = []
  function* generate() {
    try {
      for (const chunk of chunks) {
        seen.push(chunk)
        yield chunk
      }
    } finally {
      seen.push('closed')
    }
  }
  return { seen, source: generate() }
}

function webStream(chunks: readonly string[]) {
  const cancelled: unknown[] = []
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[0]
      chunks = chunks.slice(1)
      if (chunk === undefined) controller.close()
      else controller.enqueue(Buffer.from(chunk))
    },
    cancel: (reason) => void cancelled.push(reason),
  })
  return { stream, cancelled }
}

function iteratorOf(body: Body): AsyncIterator<unknown> {
  return (body as AsyncIterable<unknown>)[Symbol.asyncIterator]()
}

async function* generated(): AsyncGenerator<string> {
  yield 'by '
  yield 'parts'
}

/** A file of ten bytes that is gone after the test. */
function tenBytes(t: TestContext, content = '0123456789'): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ten.txt')
  writeFileSync(path, content)
  return path
}

describe('what stays as it is', () => {
  const bytes = new Uint8Array([1])
  const iterable = { [Symbol.iterator]: () => ['a'][Symbol.iterator]() }
  for (const init of [
    '',
    'text',
    bytes,
    Buffer.from('a'),
    ['a', bytes],
    new Set(['a']),
    iterable,
  ]) {
    test(`${Object.prototype.toString.call(init)} ${String(init)}`, () => {
      assert.equal(toContent(init), init)
      assert.equal(isReplayable(init), true)
    })
  }

  test('what toContent gave', () => {
    for (const init of [new Blob(['a']), generated(), Readable.from(['a'])]) {
      const body = toContent(init)
      assert.notEqual(body, init)
      assert.equal(toContent(body), body)
    }
  })
})

describe('every kind', () => {
  const memory = Uint8Array.from([0, 104, 105, 0]).buffer
  const shared = new SharedArrayBuffer(2)
  new Uint8Array(shared).set([104, 105])
  const kinds: [
    name: string,
    make: () => ContentInit,
    text: string,
    length: number | null,
    replayable: boolean,
  ][] = [
    ['a string', () => 'hé', 'hé', 3, true],
    ['bytes', () => Buffer.from('hi'), 'hi', 2, true],
    ['a DataView', () => new DataView(memory, 1, 2), 'hi', 2, true],
    ['another typed array', () => new Int8Array(memory, 1, 2), 'hi', 2, true],
    ['an ArrayBuffer', () => memory.slice(1, 3), 'hi', 2, true],
    ['a SharedArrayBuffer', () => shared, 'hi', 2, true],
    ['a Blob', () => new Blob(['hi']), 'hi', 2, true],
    ['a File', () => new File(['hi'], 'name'), 'hi', 2, true],
    ['an empty Blob', () => new Blob([]), '', 0, true],
    ['an array', () => ['h', Buffer.from('i')], 'hi', null, true],
    ['a generator', () => watched(['h', 'i']).source, 'hi', null, false],
    ['an async generator', generated, 'by parts', null, false],
    ['an iterator of an array', () => ['h', 'i'].values(), 'hi', null, false],
    ['a ReadableStream', () => webStream(['h', 'i']).stream, 'hi', null, false],
    ['an empty ReadableStream', () => webStream([]).stream, '', null, false],
    ['a Readable', () => Readable.from(['h', 'i']), 'hi', null, false],
    ['a Duplex', () => new PassThrough().end('hi'), 'hi', null, false],
  ]
  for (const [name, make, text, length, replayable] of kinds) {
    test(name, async () => {
      const body = toContent(make())
      assert.equal(lengthOf(body), length)
      assert.equal(isReplayable(body), replayable)
      refuseSpent(body, request)
      assert.equal(Buffer.from(await readContent(body)).toString(), text)
      if (replayable) {
        refuseSpent(body, request)
        assert.equal(Buffer.from(await readContent(body)).toString(), text)
        return
      }
      await assert.rejects(readContent(body), isSpent)
      assert.throws(
        () => refuseSpent(body, request),
        (error) => {
          assert.ok(error instanceof StreamConsumed)
          assert.equal(error.request, request)
          assert.match(error.message, /PUT/)
          return true
        },
      )
    })
  }

  test('no content', async () => {
    assert.equal(lengthOf(null), 0)
    assert.equal(isReplayable(null), true)
    assert.equal((await readContent(null)).length, 0)
    discardContent(null)
    refuseSpent(null, request)
  })

  test('sources that never passed toContent are known for what they are', () => {
    for (const body of [generated(), Readable.from(['a']), webStream(['a']).stream]) {
      assert.equal(isReplayable(body as Body), false)
      assert.equal(lengthOf(body as Body), null)
    }
  })

  test('views are not copied', () => {
    const view = toContent(memory) as Uint8Array
    assert.equal(view.buffer, memory)
  })

  test('a chunk that is no bytes is refused, and its source closed', async () => {
    let closed = false
    function* numbers(): Generator<never> {
      try {
        yield 7 as never
      } finally {
        closed = true
      }
    }
    await assert.rejects(readContent(toContent(numbers())), {
      name: 'TypeError',
      message: /not bytes: number/,
    })
    assert.equal(closed, true)
  })
})

describe('what is no content', () => {
  const wrong: [init: unknown, message: RegExp][] = [
    [7, /content must be .* not number$/],
    [true, /not boolean$/],
    [() => {}, /not function$/],
    [{ password: 'secret' }, /not Object: .* json/],
    [Promise.resolve('secret'), /not Promise$/],
    [new Date(), /not Date$/],
    [new URLSearchParams('password=secret'), /not URLSearchParams: .* data/],
    [new FormData(), /not FormData: .* data/],
    [Object.assign(new EventEmitter(), { pipe() {} }), /new Readable\(\)\.wrap/],
  ]
  for (const [init, message] of wrong) {
    test(String(message), () => {
      assert.throws(
        () => toContent(init as ContentInit),
        (error) => {
          assert.ok(error instanceof TypeError)
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }

  test('22 a polluted prototype makes no content', () => {
    const polluted = { next: 'x', pipe: 'x', getReader: 'x', stream: 'x', length: 7, path: 'x' }
    whilePolluted(polluted, () => {
      assert.throws(() => toContent({} as ContentInit), TypeError)
      const list = ['a']
      assert.equal(toContent(list), list)
      assert.equal(lengthOf(list), null)
      assert.equal(lengthOf(toContent(Readable.from(['a']))), null)
    })
  })
})

describe('streams that are gone already', () => {
  const failed = () => Readable.from(['a']).on('error', () => {})
  const streams: [name: string, make: () => Promise<ContentInit>][] = [
    ['a destroyed Readable', async () => Readable.from(['a']).destroy()],
    ['a failed Readable', async () => failed().destroy(new Error('broken'))],
    [
      'an ended Readable',
      async () => {
        const stream = Readable.from(['a'])
        await buffer(stream)
        return stream
      },
    ],
    [
      'a locked ReadableStream',
      async () => {
        const { stream } = webStream(['a'])
        stream.getReader()
        return stream
      },
    ],
    [
      'a ReadableStream that another has read from',
      async () => {
        const { stream } = webStream(['a', 'b'])
        const reader = stream.getReader()
        await reader.read()
        reader.releaseLock()
        return stream
      },
    ],
    [
      'a cancelled ReadableStream',
      async () => {
        const { stream } = webStream(['a'])
        await stream.cancel()
        return stream
      },
    ],
  ]
  for (const [name, make] of streams) {
    test(name, async () => {
      const init = await make()
      assert.throws(() => toContent(init), isSpent)
    })
  }

  test('the error of a failed one is kept', () => {
    const cause = new Error('broken')
    assert.throws(() => toContent(failed().destroy(cause)), { ...isSpent, cause })
  })

  test('gone between the call and the sending', async () => {
    const readable = Readable.from(['a'])
    const readableBody = toContent(readable)
    await buffer(readable)
    await assert.rejects(readContent(readableBody), isSpent)

    const { stream } = webStream(['a'])
    const webBody = toContent(stream)
    stream.getReader()
    await assert.rejects(readContent(webBody), isSpent)
  })

  test('a Readable of which a part was read gives the rest', async () => {
    const stream = Readable.from(['a', 'b', 'c'], { highWaterMark: 1 })
    await new Promise<void>((resolve) => stream.once('readable', resolve))
    assert.equal(stream.read(), 'a')
    assert.equal(String(await readContent(toContent(stream))), 'bc')
  })
})

describe('errors of a source', () => {
  test('a Readable that fails while nobody reads does not end the process', async () => {
    const stream = new PassThrough()
    const body = toContent(stream)
    const cause = new Error('broken')
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.destroy(cause) // without a listener its 'error' is an uncaughtException, and fails the run
    await closed
    await assert.rejects(readContent(body), cause)
  })

  test('nor does one that fails after it was abandoned', async () => {
    const stream = new PassThrough({
      destroy: (_error, callback) => callback(new Error('cannot be closed')),
    })
    const iterator = iteratorOf(toContent(stream))
    stream.write('a')
    await iterator.next()
    const closed = new Promise((resolve) => stream.once('close', resolve))
    await iterator.return?.()
    await closed
  })

  test('nor does a ReadableStream that fails and is discarded', async () => {
    const stream = new ReadableStream({ start: (controller) => controller.error(new Error('x')) })
    discardContent(toContent(stream))
    await new Promise(setImmediate) // time for an unhandled rejection, which fails the run
  })

  test('a file that is not there', async () => {
    const body = toContent(createReadStream('/nowhere/at/all'))
    assert.equal(lengthOf(body), null)
    await assert.rejects(readContent(body), { code: 'ENOENT' })
  })

  test('what a stream says while it is read', async () => {
    const cause = new Error('broken')
    const stream = new PassThrough()
    const reading = readContent(toContent(stream))
    stream.write('a')
    stream.destroy(cause)
    await assert.rejects(reading, cause)
  })

  test('the same stream given many times has one listener', () => {
    const stream = new PassThrough()
    for (let i = 0; i < 20; i++) toContent(stream)
    assert.equal(stream.listenerCount('error'), 1)
  })
})

describe('what nobody wants is closed', () => {
  test('generators, begun and not', async () => {
    const begun = watched(['a', 'b'])
    const iterator = iteratorOf(toContent(begun.source))
    await iterator.next()
    await iterator.return?.()
    assert.deepEqual(begun.seen, ['a', 'closed'])

    const fresh = watched(['a'])
    discardContent(toContent(fresh.source))
    assert.deepEqual(fresh.source.next(), { done: true, value: undefined })
    assert.deepEqual(fresh.seen, [])
  })

  test('a Readable, begun and not, and while it is awaited', async () => {
    const fresh = new PassThrough()
    const body = toContent(fresh)
    discardContent(body)
    assert.equal(fresh.destroyed, true)
    assert.throws(() => refuseSpent(body, request), isSpent)
    discardContent(body)

    const stuck = new PassThrough() // gives nothing, ever
    const iterator = iteratorOf(toContent(stuck))
    const pending = iterator.next()
    const returned = iterator.return?.()
    assert.equal(stuck.destroyed, true)
    await returned
    await assert.rejects(pending, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('a ReadableStream, begun and not, and while it is awaited', async () => {
    const fresh = webStream(['a'])
    discardContent(toContent(fresh.stream))
    assert.equal(fresh.cancelled.length, 1)

    let cancelled = false
    const stuck = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) })
    const iterator = iteratorOf(toContent(stuck))
    const pending = iterator.next()
    await iterator.return?.()
    assert.equal(cancelled, true)
    assert.equal((await pending).done, true)
  })

  test('discarding does not disturb what is being read, nor what can be read again', async () => {
    const { source, seen } = watched(['a', 'b'])
    const body = toContent(source)
    const iterator = iteratorOf(body)
    await iterator.next()
    discardContent(body)
    assert.deepEqual(await iterator.next(), { done: false, value: 'b' })
    assert.deepEqual(seen, ['a', 'b'])

    const blob = toContent(new Blob(['a']))
    discardContent(blob)
    assert.equal(String(await readContent(blob)), 'a')
  })

  const failures: [name: string, fail: () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('x')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('x'))],
  ]
  for (const [name, fail] of failures) {
    test(`an iterator that ${name} when it is closed`, async () => {
      const source = {
        next: () => ({ done: true, value: undefined }),
        return: fail,
        [Symbol.asyncIterator]() {
          return this
        },
      }
      discardContent(toContent(source as unknown as ContentInit))
      await new Promise(setImmediate) // time for an unhandled rejection, which fails the run
    })
  }
})

describe("a file stream's length", () => {
  const ranges: [range: { start?: number; end?: number }, text: string][] = [
    [{}, '0123456789'],
    [{ start: 4 }, '456789'],
    [{ end: 3 }, '0123'],
    [{ start: 2, end: 2 }, '2'],
    [{ start: 8, end: 99 }, '89'],
    [{ start: 10 }, ''],
    [{ start: 20 }, ''],
  ]
  for (const [range, text] of ranges) {
    test(JSON.stringify(range), async (t) => {
      const body = toContent(createReadStream(tenBytes(t), range))
      assert.equal(lengthOf(body), text.length)
      assert.equal(String(await readContent(body)), text)
    })
  }

  test('of one that is open, whatever stands at its path by then', async (t) => {
    const path = tenBytes(t)
    const stream = createReadStream(path)
    await new Promise((resolve) => stream.once('open', resolve))
    rmSync(path)
    writeFileSync(path, 'another')
    const body = toContent(stream)
    assert.equal(lengthOf(body), 10)
    await readContent(body)
  })

  test('of a descriptor is known only with a start', async (t) => {
    const path = tenBytes(t)
    const fd = openSync(path, 'r')
    const handle = await open(path)
    const bodies: [body: Body, length: number | null][] = [
      [toContent(createReadStream('', { fd, start: 3, autoClose: false })), 7],
      [toContent(handle.createReadStream({ start: 0 })), 10],
    ]
    for (const [body, length] of bodies) {
      assert.equal(lengthOf(body), length)
      assert.equal((await readContent(body)).length, length)
    }
    const rest = createReadStream(null as never, { fd })
    assert.equal(lengthOf(toContent(rest)), null)
    rest.destroy()
  })

  test('is not known of an empty one, since those of /proc only seem so, nor of a folder', async (t) => {
    assert.equal(lengthOf(toContent(createReadStream(tenBytes(t, '')))), null)
    const folder = createReadStream(tmpdir())
    const body = toContent(folder)
    assert.equal(lengthOf(body), null)
    await assert.rejects(readContent(body), { code: 'EISDIR' })
  })

  test('is not known once some of it was read', async (t) => {
    const stream = createReadStream(tenBytes(t), { highWaterMark: 4 })
    await new Promise<void>((resolve) => stream.once('readable', resolve))
    stream.read(1)
    assert.equal(lengthOf(toContent(stream)), null)
    stream.destroy()
  })

  test('is not looked for by the path that another kind of stream has', (t) => {
    const stream = Object.assign(Readable.from(['a']), { path: tenBytes(t), end: 3 })
    assert.equal(lengthOf(toContent(stream)), null)
  })
})
