// A response whose body is still to come: who may read it, when, and what becomes of its connection.
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
import { inChild } from './child.ts'
import { openClient, scriptedClient, settle, states, until } from './clients.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const URL = 'http://h.test/'

/** A streamed response of which the head is here, and the socket it comes on. */
async function streamed(t: TestContext, head = `${HEAD}Content-Length: 10\r\n\r\n`) {
  const scripted = scriptedClient(t, { timeout: null, poolLimits: { maxConnections: 1 } })
  const { client, backend } = scripted
  const pending = client.stream('GET', URL)
  await settle()
  backend.socket.receive(head)
  const response = await pending
  return { ...scripted, response, socket: backend.socket }
}

/** All that an iterable gives before it ends or fails. */
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

/** Each way to have the body piece by piece, as text. */
const readers: Record<string, (response: Response) => AsyncIterable<string>> = {
  iterBytes: (response) => asText(response.iterBytes()),
  iterRaw: (response) => asText(response.iterRaw()),
  iterText: (response) => response.iterText(),
  bodyStream: (response) => asText(response.bodyStream()),
}

async function* asText(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const chunk of chunks) yield Buffer.from(chunk).toString('latin1')
}

describe('resolves at the head', () => {
  test('and gives what has come, while the server holds the rest back', async (t) => {
    const { response, socket } = await streamed(t)
    assert.equal(response.status, 200)
    const chunks = response.iterBytes()
    socket.receive('first')
    assert.equal(String((await chunks.next()).value), 'first')
    const next = chunks.next()
    socket.receive('rest!')
    assert.equal(String((await next).value), 'rest!')
    assert.equal((await chunks.next()).done, true)
  })

  test('of send() with stream, too; else it is read', async (t) => {
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

describe('each reader gives the whole body', () => {
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
    const { response, socket } = await streamed(t, `${HEAD}Connection: close\r\n\r\n`)
    const lines = response.iterLines()
    socket.receive('a\r\nb')
    assert.equal((await lines.next()).value, 'a')
    const next = lines.next()
    socket.receive('c\nrest')
    assert.equal((await next).value, 'bc')
    socket.receiveEnd()
    assert.equal((await lines.next()).value, 'rest')
    assert.equal((await lines.next()).done, true)
  })

  test('a character is not cut', async (t) => {
    const { response, socket } = await streamed(t)
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
    test(`${method} ${status}: nothing`, async (t) => {
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

  test('trailers come behind it', async (t) => {
    const { response, socket } = await streamed(t, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
    socket.receive('1\r\na\r\n0\r\nX-Sum: 42\r\n\r\n')
    assert.equal(await bytesOf(response.iterBytes()), 'a')
    assert.equal(response.trailers?.get('x-sum'), '42')
  })
})

describe('read()', () => {
  test('later, twice, and both at once', async (t) => {
    const { response, socket } = await streamed(t)
    const reading = [response.read(), response.read()]
    socket.receive('0123456789')
    for (const read of reading) assert.equal(await read, response)
    assert.equal(await response.read(), response)
    assert.equal(response.text(), '0123456789')
  })

  test('before it: ResponseNotRead, with the request', async (t) => {
    const { response } = await streamed(t)
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

  test('failed, it fails again, and the body stays unread', async (t) => {
    const { response, socket } = await streamed(t)
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

describe('a body on the way that nobody wants, and that does not come', () => {
  const large = 'Content-Length: 1000000\r\n\r\n'
  const twice: RequestOptions['auth'] = {
    async *authFlow(request) {
      yield request
      yield request
    },
  }
  const thrown = new Error('no')
  const throwing: RequestOptions['auth'] = {
    async *authFlow(request) {
      yield request
      throw thrown
    },
  }
  const ways: [name: string, options: RequestOptions, head: string][] = [
    ['of a redirect', {}, `HTTP/1.1 302 Found\r\nLocation: /x\r\n${large}`],
    ['of a round of auth', { auth: twice }, `HTTP/1.1 401 No\r\n${large}`],
  ]
  for (const [name, options, head] of ways) {
    test(`${name}: the next request does not wait for it`, async (t) => {
      const { client, backend } = scriptedClient(t, { poolLimits: { maxConnections: 1 } })
      const pending = client.get(URL, options)
      await settle()
      backend.socket.receive(head)
      await settle()
      assert.ok(backend.sockets[0].destroyed)
      backend.sockets[1].receive(`${HEAD}Content-Length: 2\r\n\r\nok`)
      const response = await pending
      assert.equal(response.text(), 'ok')
      assert.equal(response.history.length, 1)
      await assert.rejects(response.history[0].read(), StreamClosed)
    })
  }

  test('where auth throws, or a redirect cannot be followed', async (t) => {
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

test('bodyStream() asks for nothing before it is asked', async (t) => {
  const { response, socket } = await streamed(t)
  const stream = response.bodyStream()
  socket.receive('0123456789')
  await settle()
  assert.equal((await response.read()).text(), '0123456789')
  assert.equal(await bytesOf(stream), '0123456789')
})

describe('a body is given once', () => {
  const takes: Record<string, (response: Response) => Promise<unknown>> = {
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

  for (const [first, take] of Object.entries(takes)) {
    for (const [second, again] of Object.entries(takes)) {
      if (first === 'read') continue // then it is here for all
      test(`${first}, then ${second}: StreamConsumed`, async (t) => {
        const { response, socket } = await streamed(t)
        socket.receive('0123456789')
        await take(response)
        await assert.rejects(again(response), isConsumed(response, StreamConsumed))
      })
    }

    test(`${first} after close: StreamClosed`, async (t) => {
      const { response } = await streamed(t)
      await response.close()
      await assert.rejects(take(response), isConsumed(response, StreamClosed))
      await assert.rejects(take(response), isConsumed(response, StreamClosed))
    })

    test(`${first}, closed meanwhile: StreamClosed`, async (t) => {
      const { client, response, socket } = await streamed(t)
      const taking = assert.rejects(take(response), isConsumed(response, StreamClosed))
      socket.receive('0123')
      await settle()
      await response.close()
      await taking
      socket.receive('456789')
      await settle()
      assert.equal(states(client), '0 active, 1 idle')
    })
  }

  test('a second reader takes nothing from the first', async (t) => {
    const { client, response, socket } = await streamed(t)
    const chunks = response.iterBytes()
    socket.receive('01234')
    await chunks.next()
    for (const take of Object.values(takes)) {
      await assert.rejects(take(response), isConsumed(response, StreamConsumed))
    }
    socket.receive('56789')
    assert.equal(String((await chunks.next()).value), '56789')
    assert.equal((await chunks.next()).done, true)
    assert.equal(states(client), '0 active, 1 idle')
  })
})

describe('12 given up', () => {
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
      const thrown = new Error('no more')
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
  for (const [way, giveUp] of Object.entries(ways)) {
    test(`${way}: a small rest keeps the connection`, async (t) => {
      const { client, response, socket, backend } = await streamed(t)
      socket.receive('01\n23')
      await giveUp(response)
      assert.equal(states(client), '1 active, 0 idle')
      socket.receive('56789')
      await settle()
      assert.equal(states(client), '0 active, 1 idle')
      assert.equal(backend.sockets.length, 1)
      await assert.rejects(response.read(), StreamClosed)
    })

    test(`${way}: a large one costs it, at once`, async (t) => {
      const { client, response, socket } = await streamed(
        t,
        `${HEAD}Content-Length: 1000000\r\n\r\n`,
      )
      socket.receive('01\n23')
      await giveUp(response)
      assert.ok(socket.destroyed)
      assert.equal(states(client), '0 active, 0 idle')
    })
  }

  test('bodyStream cancelled while a chunk is awaited', async (t) => {
    const { client, response, socket } = await streamed(t, `${HEAD}Content-Length: 1000000\r\n\r\n`)
    const reader = response.bodyStream().getReader()
    const reading = reader.read()
    await settle()
    await reader.cancel()
    assert.deepEqual(await reading, { done: true, value: undefined })
    assert.ok(socket.destroyed)
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('dropped by all, it does not pin the pool', async (t) => {
    const { origin } = await rawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write(`${HEAD}Content-Length: 100000000\r\n\r\n`)
        pourInto(socket)
      })
    })
    const outcome = await inChild(
      async ({ hawser }, origin) => {
        const client = new hawser.Client({ poolLimits: { maxConnections: 1 }, timeout: null })
        const seen: number[] = []
        for (let i = 0; i < 3; i++) {
          // Behind the first, each waits for the place of the one before.
          const pending = client.stream('GET', origin).then(({ status }) => seen.push(status))
          for (let turns = 0; turns < 1000 && seen.length <= i; turns++) {
            await new Promise(setImmediate)
            globalThis.gc?.()
          }
          if (seen.length > i) await pending
        }
        console.log(seen.join())
        await client.close()
      },
      origin,
      ['--expose-gc'],
    )
    assert.deepEqual(outcome, { output: '200,200,200', errors: '', status: 0 })
  })
})

/** Writes without end, as fast as it is taken. */
function pourInto(socket: Socket): void {
  const piece = Buffer.alloc(65_536, 'x')
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

describe('38 a slow reader', () => {
  // What the systems' own buffers take on the way, by far.
  const BOUND = 16 << 20

  /** What is still going on behind a body of 64 MB, at the client and at the server. */
  async function flood(t: TestContext) {
    const { origin, sockets } = await rawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write(`${HEAD}Content-Length: ${64 << 20}\r\n\r\n`)
        pourInto(socket)
      })
    })
    const response = await openClient(t).stream('GET', origin)
    return { response, written: () => (sockets[0].bytesWritten ?? 0) - sockets[0].writableLength }
  }

  /** Waits until the server has got rid of nothing more for a while. */
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
    'that has not begun': async () => {},
    'of iterBytes': (response) => response.iterBytes().next(),
    'of iterRaw': (response) => response.iterRaw().next(),
    'of iterText': (response) => response.iterText().next(),
    'of bodyStream': (response) => response.bodyStream().getReader().read(),
  }
  for (const [name, start] of Object.entries(starts)) {
    test(`${name} holds the server up`, async (t) => {
      const { response, written } = await flood(t)
      await start(response)
      const sent = await stopped(written)
      assert.ok(sent < BOUND, `${sent} bytes were taken`)
      await response.close()
    })
  }

  test('gets it all, in the end', async (t) => {
    const { response, written } = await flood(t)
    await stopped(written)
    let length = 0
    for await (const chunk of response.iterBytes()) length += chunk.length
    assert.equal(length, 64 << 20)
  })
})

describe('27, S10 a body that is cut short', () => {
  const cases: [name: string, head: string, body: string, came: string][] = [
    ['by length', 'Content-Length: 10', 'a\nb', 'a\nb'],
    ['before its first byte', 'Content-Length: 10', '', ''],
    ['before its last byte', 'Content-Length: 10', '012345678', '012345678'],
    ['in chunks', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n', 'a\nb'],
    ['in a chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n9\r\ncd', 'a\nbcd'],
    ["in a chunk's size", 'Transfer-Encoding: chunked', '3\r\na\nb\r\n9', 'a\nb'],
    ['before the last chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n', 'a\nb'],
    ['in the trailers', 'Transfer-Encoding: chunked', '3\r\na\nb\r\n0\r\nX-A: 1\r\n', 'a\nb'],
    ['by a bad chunk', 'Transfer-Encoding: chunked', '3\r\na\nb\r\nxyz\r\n', 'a\nb'],
  ]
  const isCut = (response: Response | null, error: unknown): void => {
    assert.ok(error instanceof ReadError || error instanceof RemoteProtocolError, String(error))
    assert.equal(error.responseStarted, true)
    if (response !== null) assert.equal(error.request, response.request)
    assert.equal((error.request as { url?: { href: string } }).url?.href, URL)
  }
  for (const end of ['ends', 'breaks'] as const) {
    for (const [name, field, body, came] of cases) {
      for (const [reader, read] of Object.entries(readers)) {
        test(`${name}, the connection ${end}: ${reader} gives all, then fails`, async (t) => {
          const { client, response, socket } = await streamed(t, `${HEAD}${field}\r\n\r\n`)
          const reading = gather(read(response))
          if (body !== '') socket.receive(body)
          await settle()
          if (!socket.closed) end === 'ends' ? socket.receiveEnd() : socket.reset()
          const { items, error } = await reading
          assert.equal(items.join(''), came)
          isCut(response, error)
          assert.equal(states(client), '0 active, 0 idle')
        })
      }

      test(`${name}, the connection ${end}: the lines that were whole, then it fails`, async (t) => {
        const { response, socket } = await streamed(t, `${HEAD}${field}\r\n\r\n`)
        if (body !== '') socket.receive(body)
        await settle()
        if (!socket.closed) end === 'ends' ? socket.receiveEnd() : socket.reset()
        const { items, error } = await gather(response.iterLines())
        assert.deepEqual(items, came.split('\n').slice(0, -1))
        isCut(response, error)
      })

      test(`${name}, the connection ${end}: get() rejects`, async (t) => {
        const { client, backend } = scriptedClient(t, { timeout: null })
        const rejected = client.get(URL).then(
          () => assert.fail('it has resolved'),
          (error) => isCut(null, error),
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

  test('nobody read it: nothing is thrown anywhere', async (t) => {
    const { response, socket, client } = await streamed(t)
    response.bodyStream()
    socket.reset()
    await settle()
    assert.equal(states(client), '0 active, 0 idle')
    await response.close()
  })
})

test('a body of no length ends with the connection', async (t) => {
  const { client, response, socket } = await streamed(t, `${HEAD}\r\n`)
  socket.receive('all of it')
  socket.receiveEnd()
  assert.equal(await bytesOf(response.iterBytes()), 'all of it')
  assert.equal(states(client), '0 active, 0 idle')
})

test('a waiting request has the place as soon as the body was read', async (t) => {
  const { client, response, socket, backend } = await streamed(t)
  const next = client.get(URL)
  await settle()
  socket.receive('0123456789')
  await response.read()
  await settle()
  socket.receive(`${HEAD}Content-Length: 2\r\n\r\nok`)
  assert.equal((await next).text(), 'ok')
  assert.equal(backend.sockets.length, 1)
})

test('close of the client fails what is being read, with the request', async (t) => {
  const { client, response }: { client: Client; response: Response } = await streamed(t)
  const reading = gather(response.iterBytes())
  await settle()
  await client.close()
  const { error } = await reading
  assert.equal((error as Error).name, 'ClientClosed')
  assert.ok(!(error instanceof RequestError))
})

test('a server that goes on after the end of the body costs the connection, not the body', async (t) => {
  const { origin, sockets } = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write(`${HEAD}Content-Length: 2\r\n\r\nok and more`))
  })
  const client = openClient(t)
  const response = await client.stream('GET', origin)
  assert.equal(await bytesOf(response.iterRaw()), 'ok')
  await until(() => states(client) === '0 active, 0 idle')
  if (!sockets[0].closed) await once(sockets[0], 'close')
})
