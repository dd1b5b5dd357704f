import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { DispatchRequest, Response } from '../../src/engine.ts'
import { ReadError, RemoteProtocolError, ResponseTooLarge } from '../../src/errors.ts'
import { at } from '../support/at.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const WINDOW = 65_536

const headOf = (length: number | 'chunked' | 'close', more = '') =>
  length === 'close'
    ? `HTTP/1.1 200 OK\r\n${more}\r\n`
    : `HTTP/1.1 200 OK\r\n${length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`}\r\n${more}\r\n`

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

interface OpenResponse {
  readonly pool: ScriptedPool
  readonly socket: ScriptedSocket
  readonly response: Response
}

/** Sends a request, and returns its response after the bytes `received`. */
async function openResponse(
  received: string,
  more: Partial<DispatchRequest> = {},
): Promise<OpenResponse> {
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

/** The ways to read a whole body. */
const readers: Record<string, (response: Response) => Promise<string>> = {
  bytes: async (response) => Buffer.from(await response.bytes()).latin1Slice(),
  text: (response) => response.text(),
  iteration: textOf,
}

test('a response has the properties of its head', async () => {
  const { pool, response } = await openResponse(
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

      test(`${framing}: read before the body arrives`, async () => {
        const { pool, socket, response } = await openResponse(headOf(framing))
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

      test(`${framing}: read after the body has arrived`, async () => {
        const { pool, socket, response } = await openResponse(headOf(framing) + wire(at(pieces, 0)))
        for (const piece of pieces.slice(1)) socket.receive(wire(piece))
        finish(socket)
        await settle()
        assert.ok(socket.paused)
        assert.equal(await read(response), whole)
        await assertEmpty(pool)
      })

      test(`${framing}: in two reads`, async () => {
        const { pool, socket, response } = await openResponse(headOf(framing) + wire(at(pieces, 0)))
        await settle()
        const promise = read(response)
        await settle()
        socket.receive(pieces.slice(1).map(wire).join(''))
        finish(socket)
        assert.ok((await promise) === whole)
        await assertEmpty(pool)
      })
    }

    test('an empty body', async () => {
      const { pool, response } = await openResponse('HTTP/1.1 204 No Content\r\n\r\n')
      assert.equal(await read(response), '')
      await assertEmpty(pool)
    })

    for (const framing of [9, 'chunked', 'close'] as const) {
      test(`27, S10 ${framing}: rejects after an error in the middle of the body`, async () => {
        const { pool, socket, response } = await openResponse(headOf(framing))
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

    test('an error that happened before rejects the reader', async () => {
      const { pool, socket, response } = await openResponse(`${headOf(9)}half`)
      socket.receiveEnd()
      await settle()
      await settle() // an unhandled rejection would be reported by now
      await assert.rejects(read(response), RemoteProtocolError)
      await assertEmpty(pool)
    })

    test('the read timeout applies', async () => {
      const { pool, response } = await openResponse(`${headOf(9)}half`, { timeouts: { read: 100 } })
      const promise = assert.rejects(read(response), { name: 'ReadTimeout' })
      await pool.backend.clock.advance(100)
      await promise
      await assertEmpty(pool)
    })

    test('a signal aborts', async () => {
      const controller = new AbortController()
      const { pool, response } = await openResponse(`${headOf(9)}half`, {
        signal: controller.signal,
      })
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
    ['text/plain; charset=utf-16', '\xfe\xff\0\xe9', 'é'],
    ['text/plain; charset=latin1', '\xff\xfe\xe9\0', 'é'],
    ['text/plain; charset=latin-1\r\nContent-Type: text/plain; charset=latin-1', '\xe9', 'é'],
  ]
  for (const [type, bytes, text] of texts) {
    test(`61 ${type}: ${inspect(text)}`, async () => {
      const field = type === null ? '' : `Content-Type: ${type}\r\n`
      const { pool, response } = await openResponse(headOf(bytes.length, field) + bytes)
      assert.equal(await response.text(), text)
      assert.equal(await response.text(), text)
      await assertEmpty(pool)
    })
  }

  test('json', async () => {
    const { pool, response } = await openResponse(
      `${headOf('chunked')}${chunk('{"a":[1,2]}')}0\r\n\r\n`,
    )
    assert.deepEqual(await response.json(), { a: [1, 2] })
    await assertEmpty(pool)
  })

  const jsons: [contentType: string, bytes: string][] = [
    ['application/json; charset=latin1', '"\xc3\xa9"'],
    ['application/json; charset=latin1', '"\xe9"'],
    ['application/json; charset=latin1', '\xfe\xff\0"\0\xe9\0"'],
    ['application/json; charset=utf-16le', '"\0\xe9\0"\0'],
  ]
  for (const [type, bytes] of jsons) {
    test(`61 json, as UTF-8, by its byte order mark, then by its label: ${inspect(bytes)}`, async () => {
      const head = headOf(bytes.length, `Content-Type: ${type}\r\n`)
      const { pool, response } = await openResponse(head + bytes)
      assert.equal(await response.json(), 'é')
      await assertEmpty(pool)
    })
  }

  test('invalid JSON is a SyntaxError', async () => {
    const { pool, response } = await openResponse(`${headOf(4)}nope`)
    await assert.rejects(response.json(), SyntaxError)
    await assertEmpty(pool)
  })
})

describe('reading twice', () => {
  test('bytes, text, json and a later iteration return the same body', async () => {
    const { pool, response } = await openResponse(`${headOf(3)}[1]`)
    const [first, second] = await Promise.all([response.bytes(), response.bytes()])
    assert.equal(first, second)
    assert.equal(await response.text(), '[1]')
    assert.deepEqual(await response.json(), [1])
    assert.equal(await textOf(response), '[1]')
    await assertEmpty(pool)
  })

  test('several readers wait for the same body', async () => {
    const { pool, socket, response } = await openResponse(headOf(3))
    const promises = [response.text(), response.json(), response.bytes()]
    await settle()
    socket.receive('[1]')
    assert.deepEqual(await Promise.all(promises), ['[1]', [1], Buffer.from('[1]')])
    await assertEmpty(pool)
  })

  const consumed = { name: 'StreamConsumed', code: 'HAWSER_STREAM_CONSUMED' }
  const closed = { name: 'StreamClosed', code: 'HAWSER_STREAM_CLOSED' }

  test('after an iteration rejects', async () => {
    const { pool, response } = await openResponse(`${headOf(3)}[1]`)
    assert.equal(await textOf(response), '[1]')
    await assert.rejects(textOf(response), consumed)
    await assert.rejects(response.bytes(), consumed)
    await assert.rejects(response.text(), consumed)
    await assertEmpty(pool)
  })

  test('rejects during an iteration or another reader', async () => {
    const { pool, socket, response } = await openResponse(`${headOf(4)}ab`)
    const iterator = response[Symbol.asyncIterator]()
    assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), 'ab')
    await assert.rejects(textOf(response), consumed)
    await assert.rejects(response.text(), consumed)
    socket.receive('cd')
    assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), 'cd')
    assert.equal((await iterator.next()).done, true)
    await assertEmpty(pool)

    const other = await openResponse(`${headOf(4)}ab`)
    const text = other.response.text()
    await assert.rejects(textOf(other.response), consumed)
    other.socket.receive('cd')
    assert.equal(await text, 'abcd')
    await assertEmpty(other.pool)
  })

  test('after close rejects, even if the body had arrived', async () => {
    for (const received of ['', 'ab', 'abcd']) {
      const { pool, response } = await openResponse(headOf(4) + received)
      response.close()
      await assert.rejects(response.bytes(), closed, received)
      await assert.rejects(textOf(response), closed, received)
      await assertEmpty(pool)
    }
  })

  test('after bytes and close returns the same bytes', async () => {
    const { pool, response } = await openResponse(`${headOf(4)}abcd`)
    const bytes = await response.bytes()
    response.close()
    assert.equal(Buffer.from(bytes).toString(), 'abcd')
    assert.equal(await response.text(), 'abcd')
    await assertEmpty(pool)
  })

  test('27 close rejects a reader in progress, so that it never returns a truncated body', async () => {
    for (const length of [9, 1_000_000, 'chunked'] as const) {
      const { pool, socket, response } = await openResponse(headOf(length))
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
    const { pool, socket, response } = await openResponse(headOf('chunked') + chunk('body'))
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
    assert.match(error.message, /^The response body has (at least )?\d+ bytes; the limit is 10\b/)
    assert.deepEqual(error.request, { method: 'GET', origin: A, path: '/' })
    return true
  }

  test('is compared with Content-Length first', async () => {
    const { pool, socket, response } = await openResponse(headOf(11))
    await assert.rejects(response.bytes({ max: 10 }), tooLarge)
    assert.equal(isOpen(socket), false)
    await assertEmpty(pool)
  })

  for (const name of ['bytes', 'text', 'json'] as const) {
    test(`${name}: is compared with the received bytes if the length is unknown`, async () => {
      const { pool, socket, response } = await openResponse(headOf('chunked') + chunk('123456'))
      const promise = assert.rejects(response[name]({ max: 10 }), tooLarge)
      await settle()
      assert.ok(isOpen(socket))
      socket.receive(chunk('78901'))
      await promise
      assert.equal(isOpen(socket), false)
      await assertEmpty(pool)
    })
  }

  test('includes bytes that arrived before the call', async () => {
    for (const end of ['', '0\r\n\r\n']) {
      const { pool, response } = await openResponse(
        `${headOf('chunked')}${chunk('12345678901')}${end}`,
      )
      await settle()
      await assert.rejects(response.bytes({ max: 10 }), tooLarge)
      await assert.rejects(response.bytes({ max: 10 }), tooLarge)
      await assertEmpty(pool)
    }
  })

  test('allows exactly max bytes', async () => {
    for (const framing of [10, 'chunked'] as const) {
      const body = framing === 'chunked' ? `${chunk('1234567890')}0\r\n\r\n` : '1234567890'
      const { pool, response } = await openResponse(headOf(framing) + body)
      assert.equal((await response.bytes({ max: 10 })).length, 10)
      await assertEmpty(pool)
    }
  })

  test('applies to a body that was read before', async () => {
    const { pool, response } = await openResponse(`${headOf(11)}12345678901`)
    assert.equal((await response.bytes()).length, 11)
    await assert.rejects(response.bytes({ max: 10 }), tooLarge)
    assert.equal((await response.bytes({ max: 11 })).length, 11)
    await assertEmpty(pool)
  })

  test('max 0 allows an empty body', async () => {
    const { pool, response } = await openResponse(headOf(0))
    assert.equal((await response.bytes({ max: 0 })).length, 0)
    await assertEmpty(pool)
  })
})

describe('12 an unread body', () => {
  test('is read up to about 64 KiB, and keeps its connection until it is read', async () => {
    for (const framing of [10 * WINDOW, 'chunked', 'close'] as const) {
      const wire = (text: string) => (framing === 'chunked' ? chunk(text) : text)
      const { pool, socket, response } = await openResponse(headOf(framing))
      let sent = 0
      while (!socket.paused) {
        socket.receive(wire('x'.repeat(8192)))
        sent += 8192
        await settle()
        assert.ok(sent <= 2 * WINDOW, `${framing}: the socket is not paused`)
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

  test('that is small is read completely, so that its connection serves other requests', async () => {
    const { pool, socket, response } = await openResponse(headOf(5000))
    socket.receive('x'.repeat(5000))
    assert.equal(pool.stats().idle, 1)
    pool.start(A, '/next')
    socket.receive(OK)
    assert.equal((await response.bytes()).length, 5000)
    await assertEmpty(pool)
  })

  test('causes no read timeout while its reader is slow', async () => {
    const { pool, socket, response } = await openResponse(headOf(3 * WINDOW), {
      timeouts: { read: 100 },
    })
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
  test('chunks are not overwritten', async () => {
    const { pool, socket, response } = await openResponse(headOf(50_000))
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

  test('38 a slow reader pauses the socket', async () => {
    const { pool, socket, response } = await openResponse(headOf(100 * WINDOW))
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
    test(`${length} bytes in a read without the head keep the connection`, async () => {
      // No target may have exactly this length: a full read would hide bytes after the body.
      for (const read of [textOf, (response: Response) => response.text()]) {
        const { pool, socket, response } = await openResponse(headOf(length))
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

  for (const length of [WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW, 20 * WINDOW + 7]) {
    test(`the memory of a collected body of ${length} bytes has exactly this length`, async () => {
      const { pool, socket, response } = await openResponse(headOf(length))
      const collected = response.bytes()
      await settle()
      socket.receive('x'.repeat(length))
      const bytes = await collected
      assert.equal(bytes.length, length)
      assert.equal(bytes.buffer.byteLength, length)
      assert.equal(pool.stats().idle, 1)
      await assertEmpty(pool)
    })
  }

  test(`${WINDOW} bytes for a handler in a read without the head keep the connection`, async () => {
    for (const copy of [false, true]) {
      const pool = new ScriptedPool()
      const call = await pool.send(A, '/', { copy })
      at(pool.sockets, 0).receive(headOf(WINDOW))
      at(pool.sockets, 0).receive('x'.repeat(WINDOW))
      assert.equal(call.body.length, WINDOW)
      assert.deepEqual(pool.closed, [])
      await assertEmpty(pool)
    }
  })

  test(`${WINDOW} bytes that are read later keep the connection`, async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    pool.backend.socket.receive(headOf(WINDOW)) // the socket asks for the next target
    pool.backend.socket.receive('x'.repeat(WINDOW))
    const response = await promise
    assert.equal((await response.bytes()).length, WINDOW)
    assert.deepEqual(pool.closed, [])
    await assertEmpty(pool)
  })

  test('ending early drains a small rest of the body and keeps the connection', async () => {
    // 40,000 of 100,000 bytes are still to come.
    const { pool, socket, response } = await openResponse(headOf(100_000))
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

  test('ending early before a large rest of the body closes the connection', async () => {
    for (const framing of [1_000_000, 'close'] as const) {
      const { pool, socket, response } = await openResponse(`${headOf(framing)}abc`)
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
  test('drains a small body, and the connection serves other requests', async () => {
    const { pool, socket, response } = await openResponse(`${headOf(20_000)}abc`)
    response.close()
    response.close()
    assert.ok(isOpen(socket))
    assert.equal(pool.stats().active, 1)
    socket.receive('x'.repeat(19_997))
    assert.equal(pool.stats().idle, 1)
    await pool.send(A, '/next')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  describe('of a body of unknown length', () => {
    const redirect = 'HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n'

    test('drains that of a redirect, and the connection serves other requests', async () => {
      const { pool, socket, response } = await openResponse(redirect)
      response.close()
      socket.receive(chunk('moved'))
      await settle()
      socket.receive('0\r\n\r\n')
      assert.equal(pool.stats().idle, 1)
      await pool.send(A, '/next')
      assert.equal(pool.sockets.length, 1)
      await assertEmpty(pool)
    })

    test('drains up to 64 KiB of that of a redirect', async () => {
      const { pool, socket, response } = await openResponse(redirect + chunk('x'.repeat(40_000)))
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

    test('closes the connection of a 200, which may be an endless stream', async () => {
      const { pool, socket, response } = await openResponse(headOf('chunked') + chunk('event'))
      response.close()
      assert.equal(isOpen(socket), false)
      await assertEmpty(pool)
    })
  })

  test('closes the connection of a large body', async () => {
    const { pool, socket, response } = await openResponse(`${headOf(1_000_000)}abc`)
    response.close()
    assert.equal(isOpen(socket), false)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('works while the body is paused', async () => {
    const { pool, socket, response } = await openResponse(
      headOf('chunked') + chunk('x'.repeat(WINDOW + 1)),
    )
    await settle()
    assert.ok(socket.paused)
    response.close()
    await settle()
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('drains no longer than the read timeout', async () => {
    const { pool, socket, response } = await openResponse(`${headOf(100)}abc`, {
      timeouts: { read: 100 },
    })
    response.close()
    await pool.backend.clock.advance(100)
    assert.equal(isOpen(socket), false)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('works after the end of the body and after an error', async () => {
    const ended = await openResponse(`${headOf(3)}abc`)
    ended.response.close()
    assert.equal(ended.pool.stats().idle, 1)
    await assertEmpty(ended.pool)
    const failed = await openResponse(`${headOf(3)}a`)
    failed.socket.reset()
    failed.response.close()
    await settle()
    failed.pool.assertQuiescent()
    await assertEmpty(failed.pool)
  })
})

describe('36 memory', () => {
  /** Returns the size of the largest allocation while `work` runs. */
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
      test(`grows with the received bytes, not with a Content-Length of ${length}: ${name}`, async () => {
        const { pool, socket, response } = await openResponse(headOf(length))
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
        assert.ok(largest <= 40 * MB, `${largest} bytes in one allocation for 20 MB received`)
        await assertEmpty(pool)
      })
    }
  }

  test('a body of up to 16 MB is collected with one allocation', async () => {
    let allocations = 0
    const { allocUnsafeSlow } = Buffer
    Buffer.allocUnsafeSlow = ((size: number) => {
      if (size > MB) allocations++
      return allocUnsafeSlow.call(Buffer, size)
    }) as typeof Buffer.allocUnsafeSlow
    try {
      const { pool, socket, response } = await openResponse(headOf(16 * MB))
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
