import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener, Server, ServerResponse } from 'node:http'
import { createServer, IncomingMessage } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { DispatchHandler } from '../../src/engine.ts'
import {
  ClientClosed,
  HawserError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
} from '../../src/engine.ts'
import { inChild } from '../engine/child.ts'
import { deferred, ORIGIN, readSlowly, sendToApp } from './send-to-app.ts'

describe('what the app sees', () => {
  test('the client, and a socket with the methods of a net.Socket', async (t) => {
    const app: RequestListener = ({ socket, httpVersion, headers }, response) => {
      socket.setNoDelay(true).setKeepAlive(true).ref().unref()
      assert.ok(socket.bytesRead > 0)
      assert.equal((socket.address() as AddressInfo).address, '127.0.0.1')
      const { remoteAddress, remotePort, remoteFamily, localPort, connecting } = socket
      const encrypted = Reflect.get(socket, 'encrypted') ?? false
      const seen = { remoteAddress, remotePort, remoteFamily, localPort, connecting, encrypted }
      response.end(JSON.stringify({ ...seen, httpVersion, host: headers.host }))
    }
    const common = { connecting: false, httpVersion: '1.1', host: 'app.test' }
    assert.deepEqual(await (await sendToApp(t, app)('/')).json(), {
      remoteAddress: '127.0.0.1',
      remotePort: 123,
      remoteFamily: 'IPv4',
      localPort: 80,
      encrypted: false,
      ...common,
    })
    const secure = sendToApp(t, app, { client: ['::1', 9] })
    assert.deepEqual(await (await secure('/', { origin: 'https://app.test' })).json(), {
      remoteAddress: '::1',
      remotePort: 9,
      remoteFamily: 'IPv6',
      localPort: 443,
      encrypted: true,
      ...common,
    })
  })

  test('rootPath as baseUrl, and the whole URL', async (t) => {
    const app: RequestListener = (request, response) => {
      response.end(`${Reflect.get(request, 'baseUrl')} ${request.url}`)
    }
    const mounted = sendToApp(t, app, { rootPath: '/mount' })
    const routed = express().get('/mount/a', ({ baseUrl, url }, response) => {
      response.send(`${baseUrl} ${url}`)
    })
    const expressed = sendToApp(t, routed, { rootPath: '/mount' })
    assert.equal(await (await expressed('/mount/a?q=1')).text(), '/mount /mount/a?q=1')
    assert.equal(await (await mounted('/mount/a?q=1')).text(), '/mount /mount/a?q=1')
    assert.equal(await (await sendToApp(t, app)('/a')).text(), 'undefined /a')
  })

  test('one connection for consecutive calls, without a Keep-Alive field', async (t) => {
    const sockets = new Set<unknown>()
    const call = sendToApp(t, ({ socket }, response) => {
      sockets.add(socket)
      response.end()
    })
    for (let i = 0; i < 3; i++) {
      const response = await call('/')
      await response.bytes()
      assert.equal(response.headers.get('keep-alive'), null)
    }
    assert.equal(sockets.size, 1)
  })

  test('timeouts that the app sets', async (t) => {
    const call = sendToApp(t, (_, response) => {
      response.setTimeout(1, () => response.end('late'))
    })
    assert.equal(await (await call('/')).text(), 'late')
  })
})

describe('messages', () => {
  test('HEAD has no body', async (t) => {
    const call = sendToApp(t, (_, response) => response.setHeader('content-length', 5).end('12345'))
    const response = await call('/', { method: 'HEAD' })
    assert.equal(response.headers.get('content-length'), '5')
    assert.equal((await response.bytes()).length, 0)
  })

  test('trailers in both directions', async (t) => {
    const call = sendToApp(t, async (request, response) => {
      await text(request)
      response.setHeader('trailer', 'x-sum').write('body')
      response.addTrailers({ 'x-sum': String(request.trailers['x-sum']) })
      response.end()
    })
    const request = { method: 'POST', body: ['a'], trailers: { 'x-sum': '42' } }
    const response = await call('/', request)
    assert.equal(await response.text(), 'body')
    assert.equal(response.trailers?.get('x-sum'), '42')
  })

  test('Expect: 100-continue, by default and with a checkContinue listener', async (t) => {
    const request = { method: 'POST', headers: { expect: '100-continue' }, body: 'content' }
    const echo: RequestListener = async (request, response) => {
      response.end(await text(request))
    }
    assert.equal(await (await sendToApp(t, echo)('/', request)).text(), 'content')
    const refusing = createServer(echo).on('checkContinue', (_, response) => {
      response.writeHead(413).end()
    })
    assert.equal((await sendToApp(t, refusing)('/', request)).status, 413)
  })

  test('100 MB are streamed, with backpressure', async (t) => {
    const chunk = Buffer.alloc(65_536, 'x')
    const size = 100 << 20
    let written = 0
    const call = sendToApp(t, async (_, response) => {
      while (written < size) {
        written += chunk.length
        if (!response.write(chunk)) await once(response, 'drain')
      }
      response.end()
    })
    const { read, furthest } = await readSlowly(await call('/'), (read) => written - read)
    assert.equal(read, size)
    assert.ok(furthest <= 1 << 20, `${furthest} bytes ran ahead of the reader`)
  })

  test('an upload is streamed, with backpressure', async (t) => {
    const chunk = Buffer.alloc(65_536)
    let sent = 0
    async function* content() {
      for (; sent < 20 << 20; sent += chunk.length) yield chunk
    }
    const call = sendToApp(t, async (request, response) => {
      response.end(JSON.stringify(await readSlowly(request, (read) => sent - read)))
    })
    const response = await call('/', { method: 'POST', body: content() })
    const { read, furthest } = await response.json<{ read: number; furthest: number }>()
    assert.equal(read, 20 << 20)
    assert.ok(furthest <= 1 << 20, `${furthest} bytes ran ahead of the app`)
  })
})

describe('early ends', () => {
  test('an aborted call closes the request', async (t) => {
    const closed = deferred()
    const arrived = deferred()
    const call = sendToApp(t, (request, _) => {
      request.on('close', closed.resolve)
      arrived.resolve()
    })
    const controller = new AbortController()
    const response = call('/', { signal: controller.signal })
    await arrived.promise
    controller.abort(new Error('enough'))
    await assert.rejects(response, /enough/)
    await closed.promise
  })

  test('a response that is closed early closes the response of the app', async (t) => {
    const closed = deferred()
    const call = sendToApp(t, (_, response) => {
      const more = () => response.destroyed || response.write(Buffer.alloc(65_536))
      response.on('drain', more).on('close', closed.resolve)
      more()
      more()
    })
    const response = await call('/')
    response.close()
    await closed.promise
  })

  test('an app that destroys the socket causes a ReadError', async (t) => {
    const call = sendToApp(t, (request, _) => void request.socket.destroy())
    await assert.rejects(call('/'), ReadError)
  })

  test('an app that never responds causes a ReadTimeout', async (t) => {
    const call = sendToApp(t, () => {})
    await assert.rejects(call('/', { timeouts: { read: 5 } }), ReadTimeout)
  })

  test('closing the dispatcher fails requests in progress, and does not touch the given server', async (t) => {
    const arrived = deferred()
    const server = createServer(() => arrived.resolve())
    const call = sendToApp(t, server)
    const response = call('/')
    const failed = assert.rejects(response, ClientClosed)
    await arrived.promise
    await call.sender.close()
    await failed
    await assert.rejects(call('/'), ClientClosed)
    assert.equal(server.listenerCount('close'), 0)
  })
})

describe('exceptions', () => {
  const boom = new Error('boom')
  const throwing: Record<string, RequestListener> = {
    'thrown at once': () => {
      throw boom
    },
    'a rejection': async () => {
      await null
      throw boom
    },
    'thrown at the end of the content': (request, response) => {
      request.resume().on('end', () => {
        response.setHeader('x-a', '1')
        throw boom
      })
    },
    'a rejection of an end listener': (request, response) => {
      request.resume().on('end', async () => {
        response.setHeader('x-a', '1')
        await null
        throw boom
      })
    },
    'a rejection of a once listener': (request, _) => {
      request
        .resume()
        .once('close', () => {})
        .once('end', () => Promise.reject(boom))
    },
    'a rejection of a listener of the response': (_, response) => {
      response.on('custom', () => Promise.reject(boom)).emit('custom')
    },
    'an error event without a listener': (_, response) => {
      process.nextTick(() => response.emit('error', boom))
    },
    'thrown after headers were set': (_, response) => {
      response.setHeader('content-length', '5').setHeader('x-a', '1')
      throw boom
    },
    'thrown before the head was flushed': async (request, response) => {
      await text(request)
      response.setHeader('content-length', '5')
      throw boom
    },
  }
  for (const [name, listener] of Object.entries(throwing)) {
    for (const [kind, app] of [
      ['listener', () => listener],
      ['server', () => createServer(listener)],
    ] as const) {
      test(`${name}, in a ${kind}: is thrown to the caller`, async (t) => {
        const call = sendToApp(t, app())
        for (let i = 0; i < 2; i++) {
          await assert.rejects(call('/'), (error) => error === boom)
        }
      })

      test(`${name}, in a ${kind}: becomes a 500`, async (t) => {
        const call = sendToApp(t, app(), { raiseAppExceptions: false })
        const response = await call('/')
        assert.equal(response.status, 500)
        assert.equal(response.statusText, 'Internal Server Error')
        assert.equal(response.headers.get('x-a'), null)
        assert.equal((await response.bytes()).length, 0)
      })
    }
  }

  for (const raiseAppExceptions of [true, false]) {
    test(`thrown after the response has begun, with raiseAppExceptions: ${raiseAppExceptions}`, async (t) => {
      const call = sendToApp(
        t,
        async (_, response) => {
          response.write('part')
          throw boom
        },
        { raiseAppExceptions },
      )
      const response = await call('/')
      const chunks: string[] = []
      await assert.rejects(
        async () => {
          for await (const chunk of response) chunks.push(String(chunk))
        },
        (error) => error instanceof ReadError && error.cause === boom && /boom/.test(error.message),
      )
      assert.deepEqual(chunks, ['part'])
    })
  }

  const heads: [what: string, send: (response: ServerResponse) => void, isSent: boolean][] = [
    ['after writeHead', (response) => response.writeHead(200), false],
    ['after the head was flushed', (response) => response.flushHeaders(), true],
  ]
  for (const [what, send, isSent] of heads) {
    test(`thrown ${what}, on a reused connection`, async (t) => {
      let calls = 0
      const call = sendToApp(t, async (request, response) => {
        calls++
        if (request.url === '/') return response.end()
        send(response)
        throw boom
      })
      await (await call('/')).bytes()
      const failing = call('/fails')
      if (isSent) await assert.rejects((await failing).bytes(), { name: 'ReadError', cause: boom })
      else await assert.rejects(failing, (error) => error === boom)
      assert.equal(calls, 2)
    })
  }

  test('thrown after the end of a response', async (t) => {
    const app: RequestListener = (_, response) => {
      response.end('done')
      throw boom
    }
    await assert.rejects(sendToApp(t, app)('/'), (error) => error === boom)
    const quiet = sendToApp(t, app, { raiseAppExceptions: false })
    assert.equal(await (await quiet('/')).text(), 'done')
  })

  test('on a reused connection, the request is not repeated', async (t) => {
    let calls = 0
    const call = sendToApp(t, async (request, response) => {
      calls++
      if (request.url === '/fails') throw boom
      response.end()
    })
    await (await call('/')).bytes()
    await assert.rejects(call('/fails'), (error) => error === boom)
    assert.equal(calls, 2)
  })

  test('a late exception does not affect the next request on the connection', async (t) => {
    const late = deferred()
    const second = deferred()
    const call = sendToApp(t, async (request, response) => {
      if (request.url === '/first') {
        response.end('first')
        await late.promise
        throw boom
      }
      second.resolve()
      await new Promise(setImmediate)
      response.end('second')
    })
    assert.equal(await (await call('/first')).text(), 'first')
    const response = call('/second')
    await second.promise
    late.resolve()
    assert.equal(await (await response).text(), 'second')
  })

  test('each of fifty concurrent calls gets its own exception', async (t) => {
    const call = sendToApp(t, async (request, _) => {
      await new Promise(setImmediate)
      throw new Error(request.url)
    })
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
    const results = await Promise.allSettled(paths.map((path) => call(path)))
    assert.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason.message : 'none')),
      paths,
    )
  })

  test('an error of Fastify while it gets ready goes to every caller', async (t) => {
    const app = fastify()
    app.register(async () => {
      throw boom
    })
    const call = sendToApp(t, app)
    for (let i = 0; i < 2; i++) await assert.rejects(call('/'), (error) => error === boom)
  })
})

describe('Upgrade', () => {
  function upgrade(app: Server, options = {}): Promise<{ socket: Duplex; status: number }> {
    return new Promise((resolve, reject) => {
      const handler: DispatchHandler = {
        onHead: ({ status }) => reject(new Error(`status ${status}`)),
        onData() {},
        onEnd() {},
        onError: reject,
        onUpgrade: (socket, _, { status }) => resolve({ socket, status }),
      }
      const headers = { connection: 'upgrade', upgrade: 'chat' }
      const request = { origin: ORIGIN, path: '/', headers }
      new AppDispatcher({ app, ...options }).dispatch(request, handler)
    })
  }

  const resetBy = (reason: string) => (error: Error & { code?: string }) =>
    error.code === 'ECONNRESET' && (error.cause as Error)?.message === reason

  test('both sides send data and end', async () => {
    const server = createServer().on('upgrade', (request, socket: Duplex) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n',
      )
      socket.on('data', (bytes) => socket.write(String(bytes).toUpperCase()))
      socket.on('end', () => socket.end())
      assert.equal(request.headers.upgrade, 'chat')
    })
    const { socket, status } = await upgrade(server)
    assert.equal(status, 101)
    socket.write('hello')
    assert.equal(String((await once(socket, 'data'))[0]), 'HELLO')
    socket.end()
    await once(socket, 'end')
    socket.destroy()
  })

  test('an exception of the upgrade listener', async () => {
    const boom = new Error('boom')
    const server = createServer().on('upgrade', () => {
      throw boom
    })
    await assert.rejects(upgrade(server), (error) => error === boom)
    await assert.rejects(upgrade(server, { raiseAppExceptions: false }), /status 500/)
  })

  const onChunk: [string, () => void][] = [
    [
      'an exception',
      () => {
        throw new Error('boom')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('boom'))],
  ]
  for (const [what, listener] of onChunk) {
    test(`${what} of a data listener closes the socket`, async () => {
      const server = createServer().on('upgrade', (_, socket: Duplex) => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n',
        )
        socket.on('data', listener)
      })
      const { socket } = await upgrade(server)
      const failed = assert.rejects(once(socket, 'close'), resetBy('boom'))
      socket.write('hello')
      await failed
    })
  }

  test('a rejection of the upgrade listener after the switch closes the socket', async () => {
    const later = deferred()
    const server = createServer().on('upgrade', async (_, socket: Duplex) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n',
      )
      await later.promise
      throw new Error('boom')
    })
    const { socket } = await upgrade(server)
    const failed = assert.rejects(once(socket, 'close'), resetBy('boom'))
    later.resolve()
    await failed
  })

  test('an unrequested upgrade is an error', async (t) => {
    const server = createServer().on('upgrade', (_, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n')
    })
    const response = sendToApp(t, server)('/', { headers: { upgrade: 'chat' } })
    await assert.rejects(response, RemoteProtocolError)
  })
})

describe('a given http.Server', () => {
  test('can serve its network at the same time', async (t) => {
    const server = createServer((request, response) => {
      response.end(`${request.socket.remotePort === 123 ? 'here' : 'there'}`)
    })
    const before = server.eventNames().map((name) => [name, server.listenerCount(name)])
    const call = sendToApp(t, server)
    assert.equal(await (await call('/')).text(), 'here')
    const after = server.eventNames().map((name) => [name, server.listenerCount(name)])
    assert.deepEqual(after, before)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
    assert.equal(await response.text(), 'there')
    assert.equal(await (await call('/')).text(), 'here')
  })

  test('can be an https server', async (t) => {
    const server = createSecureServer({}, (request, response) => {
      response.end(String(Reflect.get(request.socket, 'encrypted')))
    })
    const response = await sendToApp(t, server)('/', { origin: 'https://app.test' })
    assert.equal(await response.text(), 'true')
  })

  test('keeps its classes and settings, and later and once listeners', async (t) => {
    class Request extends IncomingMessage {
      readonly mine = true
    }
    const server = createServer({ IncomingMessage: Request, joinDuplicateHeaders: true })
    const call = sendToApp(t, server)
    const once: RequestListener = (_, response) => void response.setHeader('x-once', '1')
    server.once('request', once)
    server.on('request', function (this: Server, request, response) {
      const joined = request.headers.authorization
      response.end(`${this === server} ${Reflect.get(request, 'mine')} ${joined}`)
    })
    const headers = ['authorization', 'a', 'authorization', 'b']
    const first = await call('/', { headers })
    assert.equal(await first.text(), 'true true a, b')
    assert.equal(first.headers.get('x-once'), '1')
    assert.equal((await call('/')).headers.get('x-once'), null)
  })
})

test('idle connections of an app do not keep the process alive', async () => {
  const url = JSON.stringify(
    new URL('../../src/dispatch/apps/app-dispatcher.js', import.meta.url).href,
  )
  const global = `data:text/javascript,import*as app from${url};Object.assign(globalThis,app)`
  const work = async () => {
    const dispatcher = new (Reflect.get(globalThis, 'AppDispatcher') as typeof AppDispatcher)({
      app: ({ socket }, response) => {
        socket.setTimeout(600_000)
        response.end('hello')
      },
    })
    const response = await dispatcher.request({ origin: 'http://app.test', path: '/' })
    console.log(await response.text())
  }
  const { output, errors, status } = await inChild(work, null, ['--import', global])
  assert.deepEqual({ output, errors, status }, { output: 'hello', errors: '', status: 0 })
})

test('an invalid request never reaches the app', async (t) => {
  let calls = 0
  const call = sendToApp(t, () => void calls++)
  await assert.rejects(call('/', { headers: { 'x-a': 'a\r\nb: c' } }), HawserError)
  assert.equal(calls, 0)
})
