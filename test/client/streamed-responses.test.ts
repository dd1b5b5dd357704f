// A streamed response: how its body can be read, and what happens to its connection.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Client, RequestOptions, Response, StreamError } from '../../src/index.ts'
import {
  ReadError,
  RemoteProtocolError,
  RequestError,
  ResponseNotRead,
  StreamClosed,
  StreamConsumed,
} from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { at, only } from '../support/at.ts'
import { inChild } from './child.ts'
import { openClient, scriptedClient, settle, states, until } from './clients.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const URL = 'http://h.test/'

/** Opens a streamed response. Its head has arrived. */
async function openStream(t: TestContext, head = `${HEAD}Content-Length: 10\r\n\r\n`) {
  const scripted = scriptedClient(t, { timeout: null, poolLimits: { maxConnections: 1 } })
  const { client, backend } = scripted
  const pending = client.stream('GET', URL)
  await settle()
  backend.socket.receive(head)
  const response = await pending
  return { ...scripted, response, socket: backend.socket }
}

/** Returns the items of an iterable until it ends or fails, and its error. */
async function gather<Item>(
  items: AsyncIterable<Item>,
): Promise<{ items: Item[]; error: unknown }> {
  const gathered: Item[] = []
  try {
    for await (const item of items) {
      assert.notEqual((item as { length?: number }).length, 0)
      gathered.push(item)
    }
  } catch (error) {
    return { items: gathered, error }
  }
  return { items: gathered, error: null }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const { items, error } = await gather(chunks)
  if (error !== null) throw error
  return Buffer.concat(items).toString('latin1')
}

/** All methods of iterating over the body, as text. */
const readers: Record<string, (response: Response) => AsyncIterable<string>> = {
  iterBytes: (response) => asText(response.iterBytes()),
  iterRaw: (response) => asText(response.iterRaw()),
  iterText: (response) => response.iterText(),
  bodyStream: (response) => asText(response.bodyStream()),
}

async function* asText(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const chunk of chunks) yield Buffer.from(chunk).toString('latin1')
}

describe('stream() resolves when the head has arrived', () => {
  test('data is yielded as it arrives', async (t) => {
    const { response, socket } = await openStream(t)
    assert.equal(response.status, 200)
    const chunks = response.iterBytes()
    socket.receive('first')
    assert.equal(String((await chunks.next()).value), 'first')
    const next = chunks.next()
    socket.receive('final')
    assert.equal(String((await next).value), 'final')
    assert.equal((await chunks.next()).done, true)
  })

  test('so does send() with stream: true', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('body'))
    const client = openClient(t)
    const request = client.buildRequest('GET', origin)
    const response = await client.send(request, { stream: true })
    assert.throws(() => response.text(), ResponseNotRead)
    assert.equal((await response.read()).text(), 'body')
    assert.equal((await client.send(request)).text(), 'body')
    assert.equal((await client.send(request, { stream: false })).text(), 'body')
    await assert.rejects(client.send(request, { stream: 'yes' as never }), {
      name: 'TypeError',
      message: "stream must be true or false, not 'yes'",
    })
  })
})

describe('each method returns the whole body', () => {
  for (const [name, read] of Object.entries(readers)) {
    test(name, async (t) => {
      const { origin } = await httpServer(t, (_, response) => response.end('x'.repeat(200_000)))
      const client = openClient(t)
      const response = await client.stream('GET', origin)
      const { items, error } = await gather(read(response))
      assert.equal(error, null)
      assert.equal(items.join('').length, 200_000)
      assert.equal(states(client), '0 active, 1 idle')
    })
  }

  test('iterLines', async (t) => {
    const { response, socket } = await openStream(t, `${HEAD}Connection: close\r\n\r\n`)
    const lines = response.iterLines()
    socket.receive('a\r\nb')
    assert.equal((await lines.next()).value, 'a')
    const next = lines.next()
    socket.receive('c\nlast')
    assert.equal((await next).value, 'bc')
    socket.receiveEnd()
    assert.equal((await lines.next()).value, 'last')
    assert.equal((await lines.next()).done, true)
  })

  test('a character is not split', async (t) => {
    const { response, socket } = await openStream(t)
    const texts = gather(response.iterText())
    for (const byte of Buffer.from('ab€é€')) {
      socket.receive(Uint8Array.of(byte))
      await settle()
    }
    socket.reset()
    assert.deepEqual((await texts).items, ['a', 'b', '€', 'é', '€'].slice(0, 5))
  })

  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    test(`${method} ${status}: no body`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => {
        response.writeHead(status, { 'content-length': 5, 'content-encoding': 'gzip' }).end()
      })
      const client = openClient(t)
      for (const read of Object.values(readers)) {
        const response = await client.stream(method, origin)
        assert.deepEqual(await gather(read(response)), { items: [], error: null })
      }
      const response = await client.stream(method, origin)
      assert.equal((await response.read()).bytes().length, 0)
      assert.equal(states(client), '0 active, 1 idle')
    })
  }

  test('trailers follow it', async (t) => {
    const { response, socket } = await openStream(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
    socket.receive('1\r\na\r\n0\r\nX-Sum: 42\r\n\r\n')
    assert.equal(await bytesOf(response.iterBytes()), 'a')
    assert.equal(response.trailers?.get('x-sum'), '42')
  })
})

describe('read()', () => {
  test('called twice at the same time, and again later', async (t) => {
    const { response, socket } = await openStream(t)
    const reading = [response.read(), response.read()]
    socket.receive('0123456789')
    for (const read of reading) assert.equal(await read, response)
    assert.equal(await response.read(), response)
    assert.equal(response.text(), '0123456789')
  })

  test('before it, the other methods throw ResponseNotRead', async (t) => {
    const { response } = await openStream(t)
    for (const method of ['text', 'json', 'bytes', 'arrayBuffer', 'blob'] as const) {
      assert.throws(
        () => response[method](),
        (error) => {
          assert.ok(error instanceof ResponseNotRead)
          assert.equal(error.request, response.request)
          assert.match(error.message, /await response\.read\(\)/)
          return true
        },
      )
    }
  })

  test('fails again after a failure, and the body stays unread', async (t) => {
    const { response, socket } = await openStream(t)
    const reading = [response.read(), response.read()]
    socket.receive('01234')
    socket.receiveEnd()
    for (const read of [...reading, response.read()]) {
      await assert.rejects(read, (error) => {
        assert.ok(error instanceof RemoteProtocolError || error instanceof ReadError)
        assert.equal(error.request, response.request)
        return true
      })
    }
    assert.throws(() => response.bytes(), ResponseNotRead)
  })
})

describe('an unwanted body that does not arrive', () => {
  const large = 'Content-Length: 1000000\r\n\r\n'
  const twice: RequestOptions['auth'] = {
    async *authFlow(request) {
      yield request
      yield request
    },
  }
  const thrown = new Error('thrown by the flow')
  const throwing: RequestOptions['auth'] = {
    async *authFlow(request) {
      yield request
      throw thrown
    },
  }
  const cases: [name: string, options: RequestOptions, head: string][] = [
    ['of a redirect', {}, `HTTP/1.1 302 Found\r\nLocation: /x\r\n${large}`],
    ['of an auth round', { auth: twice }, `HTTP/1.1 401 No\r\n${large}`],
  ]
  for (const [name, options, head] of cases) {
    test(`${name}: the next request does not wait for it`, async (t) => {
      const { client, backend } = scriptedClient(t, { poolLimits: { maxConnections: 1 } })
      const pending = client.get(URL, options)
      await settle()
      backend.socket.receive(head)
      await settle()
      assert.ok(at(backend.sockets, 0).destroyed)
      assert.equal(backend.sockets.length, 2)
      backend.socket.receive(`${HEAD}Content-Length: 2\r\n\r\nok`)
      const response = await pending
      assert.equal(response.text(), 'ok')
      await assert.rejects(only(response.history).read(), StreamClosed)
    })
  }

  test('if the auth flow throws, or a redirect cannot be followed', async (t) => {
    for (const [options, head, name] of [
      [{ auth: throwing }, `${HEAD}${large}`, 'Error'],
      [{}, `HTTP/1.1 302 Found\r\nLocation: ftp://x\r\n${large}`, 'UnsupportedProtocol'],
    ] as const) {
      const { client, backend } = scriptedClient(t)
      const failed = assert.rejects(client.get(URL, options), { name })
      await settle()
      backend.socket.receive(head)
      await failed
      assert.equal(states(client), '0 active, 0 idle')
    }
  })
})

test('bodyStream() does not read the body before it is read itself', async (t) => {
  const { response, socket } = await openStream(t)
  const stream = response.bodyStream()
  socket.receive('0123456789')
  await settle()
  assert.equal((await response.read()).text(), '0123456789')
  assert.equal(await bytesOf(stream), '0123456789')
})

describe('a body can be read once', () => {
  const reads: Record<string, (response: Response) => Promise<unknown>> = {
    ...Object.fromEntries(
      Object.entries(readers).map(([name, read]) => [
        name,
        async (response: Response) => {
          const { items, error } = await gather(read(response))
          if (error !== null) throw error
          return items
        },
      ]),
    ),
    read: (response) => response.read(),
  }
  const isConsumed =
    (response: Response, type: new (message: string) => StreamError) =>
    (error: unknown): true => {
      assert.ok(error instanceof type, String(error))
      assert.equal((error as StreamError).request, response.request)
      return true
    }

  for (const [first, read] of Object.entries(reads)) {
    for (const [second, readAgain] of Object.entries(reads)) {
      if (first === 'read') continue // All methods work after read().
      test(`${first}, then ${second}: StreamConsumed`, async (t) => {
        const { response, socket } = await openStream(t)
        socket.receive('0123456789')
        await read(response)
        await assert.rejects(readAgain(response), isConsumed(response, StreamConsumed))
      })
    }

    test(`${first} after close: StreamClosed`, async (t) => {
      const { response } = await openStream(t)
      await response.close()
      await assert.rejects(read(response), isConsumed(response, StreamClosed))
      await assert.rejects(read(response), isConsumed(response, StreamClosed))
    })

    test(`${first}, closed meanwhile: StreamClosed`, async (t) => {
      const { client, response, socket } = await openStream(t)
      const reading = assert.rejects(read(response), isConsumed(response, StreamClosed))
      socket.receive('0123')
      await settle()
      await response.close()
      await reading
      socket.receive('456789')
      await settle()
      assert.equal(states(client), '0 active, 1 idle')
    })
  }

  test('a second reader does not affect the first', async (t) => {
    const { client, response, socket } = await openStream(t)
    const chunks = response.iterBytes()
    socket.receive('01234')
    await chunks.next()
    for (const read of Object.values(reads)) {
      await assert.rejects(read(response), isConsumed(response, StreamConsumed))
    }
    socket.receive('56789')
    assert.equal(String((await chunks.next()).value), '56789')
    assert.equal((await chunks.next()).done, true)
    assert.equal(states(client), '0 active, 1 idle')
  })
})

describe('12 an abandoned body', () => {
  const ways: Record<string, (response: Response) => Promise<unknown>> = {
    'break out of iterBytes': async (response) => {
      for await (const _ of response.iterBytes()) break
    },
    'break out of iterRaw': async (response) => {
      for await (const _ of response.iterRaw()) break
    },
    'break out of iterText': async (response) => {
      for await (const _ of response.iterText()) break
    },
    'break out of iterLines': async (response) => {
      for await (const _ of response.iterLines()) break
    },
    'an exception in the loop': async (response) => {
      const thrown = new Error('thrown in the loop')
      const reading = (async () => {
        for await (const _ of response.iterBytes()) throw thrown
      })()
      await assert.rejects(reading, thrown)
    },
    'break out of bodyStream': async (response) => {
      for await (const _ of response.bodyStream()) break
    },
    'bodyStream cancelled': async (response) => {
      const reader = response.bodyStream().getReader()
      await reader.read()
      await reader.cancel()
    },
    'bodyStream cancelled before it was read': (response) => response.bodyStream().cancel(),
    close: (response) => response.close(),
    'close twice': async (response) => {
      await response.close()
      await response.close()
    },
    asyncDispose: (response) => response[Symbol.asyncDispose](),
  }
  for (const [way, abandon] of Object.entries(ways)) {
    test(`${way}: with a small remainder, the connection is reused`, async (t) => {
      const { client, response, socket, backend } = await openStream(t)
      socket.receive('01\n23')
      await abandon(response)
      assert.equal(states(client), '1 active, 0 idle')
      socket.receive('56789')
      await settle()
      assert.equal(states(client), '0 active, 1 idle')
      assert.equal(backend.sockets.length, 1)
      await assert.rejects(response.read(), StreamClosed)
    })

    test(`${way}: with a large remainder, the connection is closed immediately`, async (t) => {
      const { client, response, socket } = await openStream(
        t,
        `${HEAD}Content-Length: 1000000\r\n\r\n`,
      )
      socket.receive('01\n23')
      await abandon(response)
      assert.ok(socket.destroyed)
      assert.equal(states(client), '0 active, 0 idle')
    })
  }

  test('bodyStream cancelled while a read is pending', async (t) => {
    const { client, response, socket } = await openStream(
      t,
      `${HEAD}Content-Length: 1000000\r\n\r\n`,
    )
    const reader = response.bodyStream().getReader()
    const reading = reader.read()
    await settle()
    await reader.cancel()
    assert.deepEqual(await reading, { done: true, value: undefined })
    assert.ok(socket.destroyed)
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('an unreferenced response releases its connection when it is collected', async (t) => {
    const { origin } = await rawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write(`${HEAD}Content-Length: 100000000\r\n\r\n`)
        writeEndlessly(socket)
      })
    })
    const outcome = await inChild(
      async ({ hawser }, origin) => {
        const client = new hawser.Client({ poolLimits: { maxConnections: 1 }, timeout: null })
        const statuses: number[] = []
        for (let i = 0; i < 3; i++) {
          // Each call after the first waits for the connection of the call before.
          const pending = client.stream('GET', origin).then(({ status }) => statuses.push(status))
          for (let turns = 0; turns < 1000 && statuses.length <= i; turns++) {
            await new Promise(setImmediate)
            globalThis.gc?.()
          }
          if (statuses.length > i) await pending
        }
        console.log(statuses.join())
        await client.close()
      },
      origin,
      ['--expose-gc'],
    )
    assert.deepEqual(outcome, { output: '200,200,200', errors: '', status: 0 })
  })
})

/** Writes endlessly, as fast as the peer reads. */
function writeEndlessly(socket: Socket): void {
  const chunk = Buffer.alloc(65_536, 'x')
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}

describe('38 a slow reader', () => {
  // Far more than the buffers of the operating system hold.
  const MAX_BUFFERED = 16 << 20

  /** Opens a response of 64 MB. The server writes it as fast as the client reads. */
  async function openLargeStream(t: TestContext) {
    const { origin, sockets } = await rawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write(`${HEAD}Content-Length: ${64 << 20}\r\n\r\n`)
        writeEndlessly(socket)
      })
    })
    const response = await openClient(t).stream('GET', origin)
    const socket = only(sockets)
    return { response, written: () => (socket.bytesWritten ?? 0) - socket.writableLength }
  }

  /** Waits until the server has not been able to write for 100 turns of the event loop. */
  async function stopped(written: () => number): Promise<number> {
    let last = -1
    for (let still = 0; still < 100; still++) {
      if (written() !== last) still = 0
      last = written()
      await settle()
    }
    return last
  }

  const starts: Record<string, (response: Response) => Promise<unknown>> = {
    'that has not started': async () => {},
    'of iterBytes': (response) => response.iterBytes().next(),
    'of iterRaw': (response) => response.iterRaw().next(),
    'of iterText': (response) => response.iterText().next(),
    'of bodyStream': (response) => response.bodyStream().getReader().read(),
  }
  for (const [name, start] of Object.entries(starts)) {
    test(`${name} applies back-pressure to the server`, async (t) => {
      const { response, written } = await openLargeStream(t)
      await start(response)
      const sent = await stopped(written)
      assert.ok(sent < MAX_BUFFERED, `${sent} bytes were sent`)
      await response.close()
    })
  }

  test('receives the whole body', async (t) => {
    const { response, written } = await openLargeStream(t)
    await stopped(written)
    let length = 0
    for await (const chunk of response.iterBytes()) length += chunk.length
    assert.equal(length, 64 << 20)
  })
})

describe('27, S10 an incomplete body', () => {
  const cases: [name: string, head: string, body: string, arrived: string][] = [
    ['shorter than its length', 'Content-Length: 10', 'a\nb', 'a\nb'],
    ['before its first byte', 'Content-Length: 10', '', ''],
    ['before its last byte', 'Content-Length: 10', '012345678', '012345678'],
    ['between chunks', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n', 'a\nb'],
    ['in a chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n9\r\ncd', 'a\nbcd'],
    ["in a chunk's size", 'Transfer-Encoding: chunked', '3\r\na\nb\r\n9', 'a\nb'],
    ['before the last chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n', 'a\nb'],
    ['in the trailers', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n0\r\nX-A: 1\r\n', 'a\nb'],
    ['with an invalid chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\nxyz\r\n', 'a\nb'],
  ]
  const assertIncomplete = (response: Response | null, error: unknown): void => {
    assert.ok(error instanceof ReadError || error instanceof RemoteProtocolError, String(error))
    assert.equal(error.responseStarted, true)
    if (response !== null) assert.equal(error.request, response.request)
    assert.equal((error.request as { url?: { href: string } }).url?.href, URL)
  }
  for (const end of ['ends', 'breaks'] as const) {
    for (const [name, field, body, arrived] of cases) {
      for (const [reader, read] of Object.entries(readers)) {
        test(`${name}, the connection ${end}: ${reader} yields the data, then fails`, async (t) => {
          const { client, response, socket } = await openStream(t, `${HEAD}${field}\r\n\r\n`)
          const reading = gather(read(response))
          if (body !== '') socket.receive(body)
          await settle()
          if (!socket.closed) end === 'ends' ? socket.receiveEnd() : socket.reset()
          const { items, error } = await reading
          assert.equal(items.join(''), arrived)
          assertIncomplete(response, error)
          assert.equal(states(client), '0 active, 0 idle')
        })
      }

      test(`${name}, the connection ${end}: iterLines yields complete lines, then fails`, async (t) => {
        const { response, socket } = await openStream(t, `${HEAD}${field}\r\n\r\n`)
        if (body !== '') socket.receive(body)
        await settle()
        if (!socket.closed) end === 'ends' ? socket.receiveEnd() : socket.reset()
        const { items, error } = await gather(response.iterLines())
        assert.deepEqual(items, arrived.split('\n').slice(0, -1))
        assertIncomplete(response, error)
      })

      test(`${name}, the connection ${end}: get() rejects`, async (t) => {
        const { client, backend } = scriptedClient(t, { timeout: null })
        const rejected = client.get(URL).then(
          () => assert.fail('resolved'),
          (error) => assertIncomplete(null, error),
        )
        await settle()
        const { socket } = backend
        socket.receive(`${HEAD}${field}\r\n\r\n${body}`)
        await settle()
        if (!socket.closed) end === 'ends' ? socket.receiveEnd() : socket.reset()
        await rejected
        assert.equal(states(client), '0 active, 0 idle')
      })
    }
  }

  test('without a reader, no error is thrown', async (t) => {
    const { response, socket, client } = await openStream(t)
    response.bodyStream()
    socket.reset()
    await settle()
    assert.equal(states(client), '0 active, 0 idle')
    await response.close()
  })
})

test('a body without a length ends with the connection', async (t) => {
  const { client, response, socket } = await openStream(t, `${HEAD}\r\n`)
  socket.receive('all of it')
  socket.receiveEnd()
  assert.equal(await bytesOf(response.iterBytes()), 'all of it')
  assert.equal(states(client), '0 active, 0 idle')
})

test('a waiting request gets the connection as soon as the body was read', async (t) => {
  const { client, response, socket, backend } = await openStream(t)
  const next = client.get(URL)
  await settle()
  socket.receive('0123456789')
  await response.read()
  await settle()
  socket.receive(`${HEAD}Content-Length: 2\r\n\r\nok`)
  assert.equal((await next).text(), 'ok')
  assert.equal(backend.sockets.length, 1)
})

test('closing the client fails the reading of a body', async (t) => {
  const { client, response }: { client: Client; response: Response } = await openStream(t)
  const reading = gather(response.iterBytes())
  await settle()
  await client.close()
  const { error } = await reading
  assert.equal((error as Error).name, 'ClientClosed')
  assert.ok(!(error instanceof RequestError))
})

test('surplus bytes after the end of the body close the connection, but do not fail the body', async (t) => {
  const { origin, sockets } = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write(`${HEAD}Content-Length: 2\r\n\r\nok and more`))
  })
  const client = openClient(t)
  const response = await client.stream('GET', origin)
  assert.equal(await bytesOf(response.iterRaw()), 'ok')
  await until(() => states(client) === '0 active, 0 idle')
  const socket = only(sockets)
  if (!socket.closed) await once(socket, 'close')
})
