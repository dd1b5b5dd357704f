import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { DispatchRequest, Response } from '../../src/engine.ts'
import { ReadError, RemoteProtocolError, ResponseTooLarge } from '../../src/errors.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const WINDOW = 65_536

const headOf = (length: number | 'chunked' | 'close', more = '') =>
  length === 'close'
    ? `HTTP/1.1 200 OK\r\n${more}\r\n`
    : `HTTP/1.1 200 OK\r\n${length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`}\r\n${more}\r\n`

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

interface Asked {
  readonly pool: ScriptedPool
  readonly socket: ScriptedSocket
  readonly response: Response
}

/** A response as far as `received`. */
async function ask(received: string, more: Partial<DispatchRequest> = {}): Promise<Asked> {
  const pool = new ScriptedPool()
  const promise = pool.request({ origin: A, path: '/', ...more })
  await settle()
  const { socket } = pool.backend
  socket.receive(received)
  return { pool, socket, response: await promise }
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).latin1Slice()
  return text
}

/** The whole body by each way of reading. */
const readers: Record<string, (response: Response) => Promise<string>> = {
  bytes: async (response) => Buffer.from(await response.bytes()).latin1Slice(),
  text: (response) => response.text(),
  iteration: textOf,
}

test('a response shows its head', async () => {
  const { pool, response } = await ask(
    'HTTP/1.0 404 Nothing Here\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n',
  )
  assert.equal(response.status, 404)
  assert.equal(response.statusText, 'Nothing Here')
  assert.equal(response.httpVersion, '1.0')
  assert.equal(response.headers.get('x-a'), '1, 2')
  assert.equal(inspect(response), '<Response [404 Nothing Here]>')
  assert.equal(await response.text(), '')
  await assertEmpty(pool)
})

for (const [name, read] of Object.entries(readers)) {
  describe(`read by ${name}`, () => {
    const pieces = ['a'.repeat(70_000), 'b', 'c'.repeat(30_000), 'd'.repeat(90_000)]
    const whole = pieces.join('')
    for (const framing of [whole.length, 'chunked', 'close'] as const) {
      const wire = (piece: string) => (framing === 'chunked' ? chunk(piece) : piece)
      const finish = (socket: ScriptedSocket) => {
        if (framing === 'chunked') socket.receive('0\r\n\r\n')
        if (framing === 'close') socket.receiveEnd()
      }

      test(`${framing}: asked for at once`, async () => {
        const { pool, socket, response } = await ask(headOf(framing))
        const promise = read(response)
        for (const piece of pieces) {
          socket.receive(wire(piece))
          await settle()
        }
        finish(socket)
        assert.ok((await promise) === whole)
        assert.deepEqual(response.trailers?.raw, [])
        pool.assertQuiescent()
        assert.equal(isOpen(socket), framing !== 'close')
        await assertEmpty(pool)
      })

      test(`${framing}: asked for late`, async () => {
        const { pool, socket, response } = await ask(headOf(framing) + wire(pieces[0]))
        for (const piece of pieces.slice(1)) socket.receive(wire(piece))
        finish(socket)
        await settle()
        assert.ok(socket.paused)
        assert.equal(await read(response), whole)
        await assertEmpty(pool)
      })

      test(`${framing}: in two reads`, async () => {
        const { pool, socket, response } = await ask(headOf(framing) + wire(pieces[0]))
        await settle()
        const promise = read(response)
        await settle()
        socket.receive(pieces.slice(1).map(wire).join(''))
        finish(socket)
        assert.ok((await promise) === whole)
        await assertEmpty(pool)
      })
    }

    test('nothing at all', async () => {
      const { pool, response } = await ask('HTTP/1.1 204 No Content\r\n\r\n')
      assert.equal(await read(response), '')
      await assertEmpty(pool)
    })

    for (const framing of [9, 'chunked', 'close'] as const) {
      test(`27, S10 ${framing}: an error in the middle rejects`, async () => {
        const { pool, socket, response } = await ask(headOf(framing))
        socket.receive(framing === 'chunked' ? '9\r\nhalf' : 'half')
        const promise = read(response)
        await settle()
        socket.reset()
        await assert.rejects(promise, (error) => {
          assert.ok(error instanceof ReadError)
          assert.equal(error.responseStarted, true)
          assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNRESET')
          return true
        })
        await assert.rejects(read(response))
        await assertEmpty(pool)
      })
    }

    test('an error that came before anybody asked waits for the reader', async () => {
      const { pool, socket, response } = await ask(`${headOf(9)}half`)
      socket.receiveEnd()
      await settle()
      await settle() // an unhandled rejection would have been noticed by now
      await assert.rejects(read(response), RemoteProtocolError)
      await assertEmpty(pool)
    })

    test('the read deadline counts while one reads', async () => {
      const { pool, response } = await ask(`${headOf(9)}half`, { timeouts: { read: 100 } })
      const promise = assert.rejects(read(response), { name: 'ReadTimeout' })
      await pool.backend.clock.advance(100)
      await promise
      await assertEmpty(pool)
    })

    test('abort by signal', async () => {
      const controller = new AbortController()
      const { pool, response } = await ask(`${headOf(9)}half`, { signal: controller.signal })
      const promise = assert.rejects(read(response), /enough/)
      await settle()
      controller.abort(new Error('enough'))
      await promise
      await assertEmpty(pool)
    })
  })
}

describe('text and json', () => {
  const texts: [contentType: string | null, bytes: string, text: string][] = [
    [null, '\xc3\xa9', 'é'],
    ['text/plain', '\xc3\xa9', 'é'],
    ['text/plain; charset=utf-8', '\xc3\xa9', 'é'],
    ['text/plain; charset=iso-8859-1', '\xe9', 'é'],
    ['text/plain;charset="ISO-8859-1"; x=y', '\xe9', 'é'],
    ['text/plain; charset=utf-16le', '\xe9\0', 'é'],
    ['text/plain; charset=shift_jis', '\x82\xa0', 'あ'],
    ['text/plain; charset=no-such', '\xc3\xa9', 'é'],
    ['text/plain; charset=', '\xc3\xa9', 'é'],
    ['text/plain', '\xef\xbb\xbfx', 'x'],
    ['text/plain', '\xff', '\ufffd'],
  ]
  for (const [type, bytes, text] of texts) {
    test(`${type}: ${inspect(text)}`, async () => {
      const field = type === null ? '' : `Content-Type: ${type}\r\n`
      const { pool, response } = await ask(headOf(bytes.length, field) + bytes)
      assert.equal(await response.text(), text)
      assert.equal(await response.text(), text)
      await assertEmpty(pool)
    })
  }

  test('json', async () => {
    const { pool, response } = await ask(`${headOf('chunked')}${chunk('{"a":[1,2]}')}0\r\n\r\n`)
    assert.deepEqual(await response.json(), { a: [1, 2] })
    await assertEmpty(pool)
  })

  test('what is no JSON is a SyntaxError', async () => {
    const { pool, response } = await ask(`${headOf(4)}nope`)
    await assert.rejects(response.json(), SyntaxError)
    await assertEmpty(pool)
  })
})

describe('reading twice', () => {
  test('bytes, text and json give the same again, and iteration after them too', async () => {
    const { pool, response } = await ask(`${headOf(3)}[1]`)
    const [first, second] = await Promise.all([response.bytes(), response.bytes()])
    assert.equal(first, second)
    assert.equal(await response.text(), '[1]')
    assert.deepEqual(await response.json(), [1])
    assert.equal(await textOf(response), '[1]')
    await assertEmpty(pool)
  })

  test('both wait for the same end', async () => {
    const { pool, socket, response } = await ask(headOf(3))
    const promises = [response.text(), response.json(), response.bytes()]
    await settle()
    socket.receive('[1]')
    assert.deepEqual(await Promise.all(promises), ['[1]', [1], Buffer.from('[1]')])
    await assertEmpty(pool)
  })

  const consumed = { name: 'StreamConsumed', code: 'HAWSER_STREAM_CONSUMED' }
  const closed = { name: 'StreamClosed', code: 'HAWSER_STREAM_CLOSED' }

  test('after iteration nothing is left', async () => {
    const { pool, response } = await ask(`${headOf(3)}[1]`)
    assert.equal(await textOf(response), '[1]')
    await assert.rejects(textOf(response), consumed)
    await assert.rejects(response.bytes(), consumed)
    await assert.rejects(response.text(), consumed)
    await assertEmpty(pool)
  })

  test('two iterations at a time, and iteration while another way of reading goes on', async () => {
    const { pool, socket, response } = await ask(`${headOf(4)}ab`)
    const iterator = response[Symbol.asyncIterator]()
    assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), 'ab')
    await assert.rejects(textOf(response), consumed)
    await assert.rejects(response.text(), consumed)
    socket.receive('cd')
    assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), 'cd')
    assert.equal((await iterator.next()).done, true)
    await assertEmpty(pool)

    const other = await ask(`${headOf(4)}ab`)
    const text = other.response.text()
    await assert.rejects(textOf(other.response), consumed)
    other.socket.receive('cd')
    assert.equal(await text, 'abcd')
    await assertEmpty(other.pool)
  })

  test('after close nothing is given, however much was here', async () => {
    for (const received of ['', 'ab', 'abcd']) {
      const { pool, response } = await ask(headOf(4) + received)
      response.close()
      await assert.rejects(response.bytes(), closed, received)
      await assert.rejects(textOf(response), closed, received)
      await assertEmpty(pool)
    }
  })

  test('close does not take back what was read', async () => {
    const { pool, response } = await ask(`${headOf(4)}abcd`)
    const bytes = await response.bytes()
    response.close()
    assert.equal(Buffer.from(bytes).toString(), 'abcd')
    assert.equal(await response.text(), 'abcd')
    await assertEmpty(pool)
  })

  test('27 close while one reads rejects that reader, and is no short success', async () => {
    for (const length of [9, 1_000_000, 'chunked'] as const) {
      const { pool, socket, response } = await ask(headOf(length))
      const read = assert.rejects(response.bytes(), closed)
      await settle()
      response.close()
      await settle()
      if (isOpen(socket)) socket.receive('123456789')
      await read
      await settle()
      pool.assertQuiescent()
      await assertEmpty(pool)
    }
  })
})

describe('S9 trailers', () => {
  test('null until the body has ended', async () => {
    const { pool, socket, response } = await ask(headOf('chunked') + chunk('body'))
    assert.equal((response as { trailers: unknown }).trailers, null)
    socket.receive('0\r\nX-Sum: 42\r\n\r\n')
    assert.equal(await response.text(), 'body')
    assert.equal(response.trailers?.get('x-sum'), '42')
    await assertEmpty(pool)
  })
})

describe('36, 37 bytes({ max })', () => {
  const tooLarge = (error: unknown) => {
    assert.ok(error instanceof ResponseTooLarge)
    assert.match(error.message, /^The response has (at least )?\d+ bytes, more than 10\b/)
    assert.deepEqual(error.request, { method: 'GET', origin: A, path: '/' })
    return true
  }

  test('is held against Content-Length first', async () => {
    const { pool, socket, response } = await ask(headOf(11))
    await assert.rejects(response.bytes({ max: 10 }), tooLarge)
    assert.equal(isOpen(socket), false)
    await assertEmpty(pool)
  })

  for (const name of ['bytes', 'text', 'json'] as const) {
    test(`${name}: what comes counts where no length is known`, async () => {
      const { pool, socket, response } = await ask(headOf('chunked') + chunk('123456'))
      const promise = assert.rejects(response[name]({ max: 10 }), tooLarge)
      await settle()
      assert.ok(isOpen(socket))
      socket.receive(chunk('78901'))
      await promise
      assert.equal(isOpen(socket), false)
      await assertEmpty(pool)
    })
  }

  test('what came before it was asked for counts, too', async () => {
    for (const end of ['', '0\r\n\r\n']) {
      const { pool, response } = await ask(`${headOf('chunked')}${chunk('12345678901')}${end}`)
      await settle()
      await assert.rejects(response.bytes({ max: 10 }), tooLarge)
      await assert.rejects(response.bytes({ max: 10 }), tooLarge)
      await assertEmpty(pool)
    }
  })

  test('exactly as many are allowed', async () => {
    for (const framing of [10, 'chunked'] as const) {
      const body = framing === 'chunked' ? `${chunk('1234567890')}0\r\n\r\n` : '1234567890'
      const { pool, response } = await ask(headOf(framing) + body)
      assert.equal((await response.bytes({ max: 10 })).length, 10)
      await assertEmpty(pool)
    }
  })

  test('counts for what was read before, too', async () => {
    const { pool, response } = await ask(`${headOf(11)}12345678901`)
    assert.equal((await response.bytes()).length, 11)
    await assert.rejects(response.bytes({ max: 10 }), tooLarge)
    assert.equal((await response.bytes({ max: 11 })).length, 11)
    await assertEmpty(pool)
  })

  test('0 allows the empty body alone', async () => {
    const { pool, response } = await ask(headOf(0))
    assert.equal((await response.bytes({ max: 0 })).length, 0)
    await assertEmpty(pool)
  })
})

describe('12 an unread body', () => {
  test('is read up to about a window; its connection is not released until somebody reads', async () => {
    for (const framing of [10 * WINDOW, 'chunked', 'close'] as const) {
      const wire = (text: string) => (framing === 'chunked' ? chunk(text) : text)
      const { pool, socket, response } = await ask(headOf(framing))
      let sent = 0
      while (!socket.paused) {
        socket.receive(wire('x'.repeat(8192)))
        sent += 8192
        await settle()
        assert.ok(sent <= 2 * WINDOW, `${framing}: it never stops`)
      }
      assert.ok(sent >= WINDOW / 2)
      await pool.backend.clock.advance(60_000)
      assert.equal(pool.counts(), '0 connecting, 1 active, 0 idle, 0 waiting')
      const text = response.text()
      await settle()
      assert.equal(socket.paused, false)
      socket.receive(wire('x'.repeat(10 * WINDOW - sent)))
      if (framing === 'chunked') socket.receive('0\r\n\r\n')
      if (framing === 'close') socket.receiveEnd()
      assert.equal((await text).length, 10 * WINDOW)
      pool.assertQuiescent()
      await assertEmpty(pool)
    }
  })

  test('a small one is read whole: its connection serves others', async () => {
    const { pool, socket, response } = await ask(headOf(5000))
    socket.receive('x'.repeat(5000))
    assert.equal(pool.stats().idle, 1)
    pool.ask(A, '/next')
    socket.receive(OK)
    assert.equal((await response.bytes()).length, 5000)
    await assertEmpty(pool)
  })

  test('the reader that is slow is no read timeout', async () => {
    const { pool, socket, response } = await ask(headOf(3 * WINDOW), { timeouts: { read: 100 } })
    const iterator = response[Symbol.asyncIterator]()
    const first = iterator.next()
    await settle()
    for (let i = 0; i < 3 && !socket.paused; i++) socket.receive('x'.repeat(WINDOW - 1000))
    await first
    assert.ok(socket.paused)
    await pool.backend.clock.advance(10_000)
    await iterator.next()
    assert.ok(isOpen(socket))
    await assertEmpty(pool)
  })
})

describe('iteration', () => {
  test('chunks stay as they are', async () => {
    const { pool, socket, response } = await ask(headOf(50_000))
    const chunks: Uint8Array[] = []
    const done = (async () => {
      for await (const chunk of response) chunks.push(chunk)
    })()
    await settle()
    for (const letter of 'abcde') {
      socket.receive(letter.repeat(10_000))
      if (letter !== 'b') await settle()
    }
    await done
    const text = Buffer.concat(chunks).latin1Slice()
    assert.equal(text, [...'abcde'].map((letter) => letter.repeat(10_000)).join(''))
    await assertEmpty(pool)
  })

  test('38 the socket waits for the reader', async () => {
    const { pool, socket, response } = await ask(headOf(100 * WINDOW))
    const iterator = response[Symbol.asyncIterator]()
    let received = 0
    for (let i = 0; i < 20; i++) {
      const next = iterator.next()
      await settle()
      while (!socket.paused && received < 3 * WINDOW * (i + 1)) {
        socket.receive('x'.repeat(16_384))
        received += 16_384
      }
      await next
    }
    assert.ok(received < 25 * WINDOW, `${received} bytes were taken for 20 chunks`)
    await iterator.return?.()
    await settle()
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  for (const length of [WINDOW, 2 * WINDOW, 3 * WINDOW]) {
    test(`${length} bytes behind a head that came alone keep the connection`, async () => {
      // A read that just fills its target hides whether more has come: no target may have that length.
      for (const read of [textOf, (response: Response) => response.text()]) {
        const { pool, socket, response } = await ask(headOf(length))
        const text = read(response)
        await settle()
        socket.receive('x'.repeat(length))
        assert.equal((await text).length, length)
        assert.deepEqual(pool.closed, [])
        assert.equal(pool.stats().idle, 1)
        await assertEmpty(pool)
      }
    })
  }

  test(`${WINDOW} borrowed bytes behind a head that came alone keep the connection`, async () => {
    for (const copy of [false, true]) {
      const pool = new ScriptedPool()
      const told = await pool.asked(A, '/', { copy })
      pool.sockets[0].receive(headOf(WINDOW))
      pool.sockets[0].receive('x'.repeat(WINDOW))
      assert.equal(told.body.length, WINDOW)
      assert.deepEqual(pool.closed, [])
      await assertEmpty(pool)
    }
  })

  test(`${WINDOW} bytes that nobody has asked for yet keep the connection`, async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    pool.backend.socket.receive(headOf(WINDOW)) // and the next target is asked for
    pool.backend.socket.receive('x'.repeat(WINDOW))
    const response = await promise
    assert.equal((await response.bytes()).length, WINDOW)
    assert.deepEqual(pool.closed, [])
    await assertEmpty(pool)
  })

  test('breaking off before a small rest keeps the connection', async () => {
    // 100,000 bytes, of which 40,000 are to come
    const { pool, socket, response } = await ask(headOf(100_000))
    const iterator = response[Symbol.asyncIterator]()
    const first = iterator.next()
    await settle()
    socket.receive('x'.repeat(60_000))
    await first
    await iterator.return?.()
    await settle()
    assert.ok(isOpen(socket))
    socket.receive('x'.repeat(40_000))
    await settle()
    assert.equal(pool.stats().idle, 1)
    await assertEmpty(pool)
  })

  test('breaking off before a large rest costs it', async () => {
    for (const framing of [1_000_000, 'close'] as const) {
      const { pool, socket, response } = await ask(`${headOf(framing)}abc`)
      for await (const chunk of response) {
        assert.equal(chunk.length, 3)
        break
      }
      await settle()
      assert.equal(isOpen(socket), false)
      pool.assertQuiescent()
      await assertEmpty(pool)
    }
  })
})

describe('12 close', () => {
  test('a small rest is read, and the connection serves others', async () => {
    const { pool, socket, response } = await ask(`${headOf(20_000)}abc`)
    response.close()
    response.close()
    assert.ok(isOpen(socket))
    assert.equal(pool.stats().active, 1)
    socket.receive('x'.repeat(19_997))
    assert.equal(pool.stats().idle, 1)
    await pool.asked(A, '/next')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  describe('of unknown length', () => {
    const redirect = 'HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n'

    test('that of a redirect is read, and the connection serves others', async () => {
      const { pool, socket, response } = await ask(redirect)
      response.close()
      socket.receive(chunk('moved'))
      await settle()
      socket.receive('0\r\n\r\n')
      assert.equal(pool.stats().idle, 1)
      await pool.asked(A, '/next')
      assert.equal(pool.sockets.length, 1)
      await assertEmpty(pool)
    })

    test('up to 64 KiB of it', async () => {
      const { pool, socket, response } = await ask(redirect + chunk('x'.repeat(40_000)))
      response.close()
      socket.receive(chunk('x'.repeat(WINDOW)))
      await settle()
      assert.ok(isOpen(socket))
      socket.receive(chunk('x'))
      await settle()
      assert.equal(isOpen(socket), false)
      pool.assertQuiescent()
      await assertEmpty(pool)
    })

    test('a success may be a stream that never ends', async () => {
      const { pool, socket, response } = await ask(headOf('chunked') + chunk('event'))
      response.close()
      assert.equal(isOpen(socket), false)
      await assertEmpty(pool)
    })
  })

  test('a large one closes the connection', async () => {
    const { pool, socket, response } = await ask(`${headOf(1_000_000)}abc`)
    response.close()
    assert.equal(isOpen(socket), false)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('a small one, after it was paused', async () => {
    const { pool, socket, response } = await ask(headOf('chunked') + chunk('x'.repeat(WINDOW + 1)))
    await settle()
    assert.ok(socket.paused)
    response.close()
    await settle()
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('a rest that does not come is bounded by the read timeout', async () => {
    const { pool, socket, response } = await ask(`${headOf(100)}abc`, { timeouts: { read: 100 } })
    response.close()
    await pool.backend.clock.advance(100)
    assert.equal(isOpen(socket), false)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('after the end, and after an error', async () => {
    const ended = await ask(`${headOf(3)}abc`)
    ended.response.close()
    assert.equal(ended.pool.stats().idle, 1)
    await assertEmpty(ended.pool)
    const failed = await ask(`${headOf(3)}a`)
    failed.socket.reset()
    failed.response.close()
    await settle()
    failed.pool.assertQuiescent()
    await assertEmpty(failed.pool)
  })
})

describe('36 memory', () => {
  /** The largest single allocation while `work` runs. */
  async function largestAllocation(work: () => Promise<void>): Promise<number> {
    const originals = { allocUnsafe: Buffer.allocUnsafe, allocUnsafeSlow: Buffer.allocUnsafeSlow }
    let largest = 0
    const noting = (allocate: typeof Buffer.allocUnsafe) => (size: number) => {
      largest = Math.max(largest, size)
      return allocate.call(Buffer, size)
    }
    Buffer.allocUnsafe = noting(originals.allocUnsafe) as typeof Buffer.allocUnsafe
    Buffer.allocUnsafeSlow = noting(originals.allocUnsafeSlow) as typeof Buffer.allocUnsafeSlow
    try {
      await work()
    } finally {
      Object.assign(Buffer, originals)
    }
    return largest
  }

  const MB = 1 << 20

  for (const length of [2 ** 40, Number.MAX_SAFE_INTEGER]) {
    for (const [name, read] of Object.entries(readers)) {
      test(`follows what arrives, not a Content-Length of ${length}: ${name}`, async () => {
        const { pool, socket, response } = await ask(headOf(length))
        const largest = await largestAllocation(async () => {
          const promise = assert.rejects(read(response))
          await settle()
          for (let i = 0; i < 40; i++) {
            socket.receive('x'.repeat(MB / 2))
            await settle()
          }
          socket.reset()
          await promise
        })
        assert.ok(largest <= 40 * MB, `${largest} bytes at once for 20 MB that came`)
        await assertEmpty(pool)
      })
    }
  }

  test('a body of up to 16 MB is gathered in place: one allocation', async () => {
    let allocations = 0
    const { allocUnsafeSlow } = Buffer
    Buffer.allocUnsafeSlow = ((size: number) => {
      if (size > MB) allocations++
      return allocUnsafeSlow.call(Buffer, size)
    }) as typeof Buffer.allocUnsafeSlow
    try {
      const { pool, socket, response } = await ask(headOf(16 * MB))
      const promise = response.bytes()
      await settle()
      for (let i = 0; i < 16; i++) socket.receive('x'.repeat(MB))
      assert.equal((await promise).length, 16 * MB)
      assert.deepEqual(pool.closed, [])
      await assertEmpty(pool)
    } finally {
      Buffer.allocUnsafeSlow = allocUnsafeSlow
    }
    assert.equal(allocations, 1)
  })
})
