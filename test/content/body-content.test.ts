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
  throwIfConsumed,
} from '../../src/content/content.ts'
import { toContent } from '../../src/content/to-content.ts'
import { StreamConsumed } from '../../src/errors.ts'
import type { Body } from '../../src/models/request.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const request = { method: 'PUT', url: 'http://h/' }
const isConsumed = { name: 'StreamConsumed' }

/** Returns a generator, and a log of the chunks that it yielded and of its end. */
function loggedGenerator(chunks: readonly string[]) {
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

/** Creates a file of ten bytes, which is removed after the test. Returns its path. */
function tenByteFile(t: TestContext, content = '0123456789'): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ten.txt')
  writeFileSync(path, content)
  return path
}

describe('toContent returns unchanged', () => {
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

  test('its own results', () => {
    for (const init of [new Blob(['a']), generated(), Readable.from(['a'])]) {
      const body = toContent(init)
      assert.notEqual(body, init)
      assert.equal(toContent(body), body)
    }
  })
})

describe('every kind of content', () => {
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
    ['a generator', () => loggedGenerator(['h', 'i']).source, 'hi', null, false],
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
      throwIfConsumed(body, request)
      assert.equal(Buffer.from(await readContent(body)).toString(), text)
      if (replayable) {
        throwIfConsumed(body, request)
        assert.equal(Buffer.from(await readContent(body)).toString(), text)
        return
      }
      await assert.rejects(readContent(body), isConsumed)
      assert.throws(
        () => throwIfConsumed(body, request),
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
    throwIfConsumed(null, request)
  })

  test('sources that were not passed to toContent are recognised', () => {
    for (const body of [generated(), Readable.from(['a']), webStream(['a']).stream]) {
      assert.equal(isReplayable(body as Body), false)
      assert.equal(lengthOf(body as Body), null)
    }
  })

  test('views are not copied', () => {
    const view = toContent(memory) as Uint8Array
    assert.equal(view.buffer, memory)
  })

  test('a chunk that is not bytes is refused, and its source is closed', async () => {
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
      message: /must yield bytes or strings, not number/,
    })
    assert.equal(closed, true)
  })
})

describe('values that are not content', () => {
  const wrong: [init: unknown, message: RegExp][] = [
    [7, /content must be .* not number$/],
    [true, /not boolean$/],
    [() => {}, /not function$/],
    [{ password: 'secret' }, /not Object; use json/],
    [Promise.resolve('secret'), /not Promise$/],
    [new Date(), /not Date$/],
    [new URLSearchParams('password=secret'), /not URLSearchParams; use data/],
    [new FormData(), /not FormData; use data/],
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

  test('22 a polluted prototype does not turn an object into content', () => {
    const polluted = { next: 'x', pipe: 'x', getReader: 'x', stream: 'x', length: 7, path: 'x' }
    withPollutedPrototype(polluted, () => {
      assert.throws(() => toContent({} as ContentInit), TypeError)
      const list = ['a']
      assert.equal(toContent(list), list)
      assert.equal(lengthOf(list), null)
      assert.equal(lengthOf(toContent(Readable.from(['a']))), null)
    })
  })
})

describe('streams that are already consumed', () => {
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
      'a ReadableStream that has been read from',
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
      assert.throws(() => toContent(init), isConsumed)
    })
  }

  test('the error of a failed stream becomes the cause', () => {
    const cause = new Error('broken')
    assert.throws(() => toContent(failed().destroy(cause)), { ...isConsumed, cause })
  })

  test('consumed between the call and the sending', async () => {
    const readable = Readable.from(['a'])
    const readableBody = toContent(readable)
    await buffer(readable)
    await assert.rejects(readContent(readableBody), isConsumed)

    const { stream } = webStream(['a'])
    const webBody = toContent(stream)
    stream.getReader()
    await assert.rejects(readContent(webBody), isConsumed)
  })

  test('a Readable that was read in part yields the remaining chunks', async () => {
    const stream = Readable.from(['a', 'b', 'c'], { highWaterMark: 1 })
    await new Promise<void>((resolve) => stream.once('readable', resolve))
    assert.equal(stream.read(), 'a')
    assert.equal(String(await readContent(toContent(stream))), 'bc')
  })
})

describe('errors of a source', () => {
  test('a Readable that fails before it is read does not end the process', async () => {
    const stream = new PassThrough()
    const body = toContent(stream)
    const cause = new Error('broken')
    const closed = new Promise((resolve) => stream.once('close', resolve))
    // Without a listener, its 'error' event is an uncaught exception, which fails the test.
    stream.destroy(cause)
    await closed
    await assert.rejects(readContent(body), cause)
  })

  test('a Readable that fails after it was abandoned does not end the process', async () => {
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

  test('a ReadableStream that fails and is discarded does not end the process', async () => {
    const stream = new ReadableStream({ start: (controller) => controller.error(new Error('x')) })
    discardContent(toContent(stream))
    await new Promise(setImmediate) // an unhandled rejection, which fails the test, needs a turn
  })

  test('a missing file', async () => {
    const body = toContent(createReadStream('/nowhere/at/all'))
    assert.equal(lengthOf(body), null)
    await assert.rejects(readContent(body), { code: 'ENOENT' })
  })

  test('an error of a stream while it is read', async () => {
    const cause = new Error('broken')
    const stream = new PassThrough()
    const reading = readContent(toContent(stream))
    stream.write('a')
    stream.destroy(cause)
    await assert.rejects(reading, cause)
  })

  test('a stream that is passed many times has one listener', () => {
    const stream = new PassThrough()
    for (let i = 0; i < 20; i++) toContent(stream)
    assert.equal(stream.listenerCount('error'), 1)
  })
})

describe('unneeded content is closed', () => {
  test('a generator, begun and not begun', async () => {
    const begun = loggedGenerator(['a', 'b'])
    const iterator = iteratorOf(toContent(begun.source))
    await iterator.next()
    await iterator.return?.()
    assert.deepEqual(begun.seen, ['a', 'closed'])

    const fresh = loggedGenerator(['a'])
    discardContent(toContent(fresh.source))
    assert.deepEqual(fresh.source.next(), { done: true, value: undefined })
    assert.deepEqual(fresh.seen, [])
  })

  test('a Readable, begun and not begun, and while a chunk is awaited', async () => {
    const fresh = new PassThrough()
    const body = toContent(fresh)
    discardContent(body)
    assert.equal(fresh.destroyed, true)
    assert.throws(() => throwIfConsumed(body, request), isConsumed)
    discardContent(body)

    const stuck = new PassThrough() // never yields a chunk
    const iterator = iteratorOf(toContent(stuck))
    const pending = iterator.next()
    const returned = iterator.return?.()
    assert.equal(stuck.destroyed, true)
    await returned
    await assert.rejects(pending, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('a ReadableStream, begun and not begun, and while a chunk is awaited', async () => {
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

  test('discarding does not affect content that is being read, or can be read again', async () => {
    const { source, seen } = loggedGenerator(['a', 'b'])
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
      await new Promise(setImmediate) // an unhandled rejection, which fails the test, needs a turn
    })
  }
})

describe('the length of a file stream', () => {
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
      const body = toContent(createReadStream(tenByteFile(t), range))
      assert.equal(lengthOf(body), text.length)
      assert.equal(String(await readContent(body)), text)
    })
  }

  test('is that of the open file, even if another file has its path now', async (t) => {
    const path = tenByteFile(t)
    const stream = createReadStream(path)
    await new Promise((resolve) => stream.once('open', resolve))
    rmSync(path)
    writeFileSync(path, 'another')
    const body = toContent(stream)
    assert.equal(lengthOf(body), 10)
    await readContent(body)
  })

  test('is known for a descriptor only with `start`', async (t) => {
    const path = tenByteFile(t)
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
    const withoutStart = createReadStream(null as never, { fd })
    assert.equal(lengthOf(toContent(withoutStart)), null)
    withoutStart.destroy()
  })

  test('is unknown for an empty file, which can be one of /proc, and for a directory', async (t) => {
    assert.equal(lengthOf(toContent(createReadStream(tenByteFile(t, '')))), null)
    const folder = createReadStream(tmpdir())
    const body = toContent(folder)
    assert.equal(lengthOf(body), null)
    await assert.rejects(readContent(body), { code: 'EISDIR' })
  })

  test('is unknown once the stream has been read in part', async (t) => {
    const stream = createReadStream(tenByteFile(t), { highWaterMark: 4 })
    await new Promise<void>((resolve) => stream.once('readable', resolve))
    stream.read(1)
    assert.equal(lengthOf(toContent(stream)), null)
    stream.destroy()
  })

  test('is unknown for other streams with a path', (t) => {
    const stream = Object.assign(Readable.from(['a']), { path: tenByteFile(t), end: 3 })
    assert.equal(lengthOf(toContent(stream)), null)
  })
})
