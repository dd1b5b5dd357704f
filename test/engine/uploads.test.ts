// Uploads that outlast their response, on real sockets: direct and through a tunnel, with and
// without TLS.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import type { ConnectionPool, PoolOptions } from '../../src/engine.ts'
import { HTTPProxy, ReadTimeout } from '../../src/engine.ts'
import { certificateFor } from '../support/certificates.ts'
import { httpProxy } from '../support/proxies.ts'
import { openPool } from './servers.ts'

const certificate = certificateFor(['127.0.0.1'])
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A server that answers the first bytes of each connection, and records what it receives. */
interface Peer {
  readonly origin: string
  readonly sockets: Socket[]
  /** What arrived on all connections together, as latin1. */
  received: string
}

async function startPeer(
  t: TestContext,
  secure: boolean,
  answer: (socket: Socket) => void,
): Promise<Peer> {
  const sockets: Socket[] = []
  const accept = (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
    socket.on('data', (bytes) => {
      peer.received += bytes.toString('latin1')
    })
  }
  const server: Server = secure ? createTlsServer(certificate, accept) : createServer(accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const peer: Peer = {
    origin: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`,
    sockets,
    received: '',
  }
  return peer
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Content whose chunks come from the test. */
function manual() {
  let give: (step: IteratorResult<string>) => void = () => {}
  const state = { closed: 0 }
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise<IteratorResult<string>>((resolve) => {
          give = resolve
        }),
      return: async () => {
        state.closed++
        return { done: true as const, value: undefined }
      },
    }),
  }
  return {
    body,
    state,
    give: (value: string) => give({ done: false, value }),
    end: () => give({ done: true, value: undefined }),
  }
}

const routes = { http: false, https: true }

for (const [scheme, secure] of Object.entries(routes)) {
  for (const tunnelled of [false, true]) {
    describe(`${scheme}${tunnelled ? ', through a tunnel' : ''}`, () => {
      async function open(
        t: TestContext,
        answer: (socket: Socket) => void,
        more: PoolOptions = {},
      ) {
        const peer = await startPeer(t, secure, answer)
        const proxy = tunnelled
          ? new HTTPProxy((await httpProxy(t)).url, { mode: 'TUNNEL_ONLY' })
          : undefined
        const pool = openPool(t, { tls: { ca: certificate.cert }, proxy, ...more })
        return { peer, pool }
      }

      async function text(pool: ConnectionPool, origin: string, body: object): Promise<string> {
        const request = { origin, path: '/', method: 'POST', body: body as AsyncIterable<string> }
        return (await pool.request(request)).text()
      }

      test('44 a complete response is delivered at once, and the rest of the upload follows', async (t) => {
        const { peer, pool } = await open(t, (socket) => socket.write(OK))
        const { body, give, end, state } = manual()
        assert.equal(await text(pool, peer.origin, body), 'ok')
        assert.equal(pool.stats().active, 1)
        give('late')
        await until(() => peer.received.includes('4\r\nlate'))
        end()
        await until(() => pool.stats().idle === 1)
        await until(() => peer.received.endsWith('0\r\n\r\n'))
        assert.equal(state.closed, 0)
        assert.equal(peer.sockets.length, 1)
        pool.assertQuiescent()
      })

      test('44 a stalled source ends with the write timeout, without an error', async (t) => {
        const { peer, pool } = await open(t, (socket) => socket.write(OK), {
          timeouts: { write: 50 },
        })
        const { body, state } = manual()
        assert.equal(await text(pool, peer.origin, body), 'ok')
        await until(() => pool.stats().connections === 0)
        assert.equal(state.closed, 1)
        pool.assertQuiescent()
      })

      test('44 a server that responds, stops reading and resets, while large content is sent', async (t) => {
        const { peer, pool } = await open(t, (socket) => {
          socket.pause()
          socket.write(OK)
        })
        async function* large(): AsyncGenerator<Uint8Array> {
          for (;;) yield Buffer.alloc(65_536)
        }
        assert.equal(await text(pool, peer.origin, large()), 'ok')
        for (const socket of peer.sockets) socket.destroy()
        await until(() => pool.stats().connections === 0)
        pool.assertQuiescent()
      })

      test('46 a head that arrives byte by byte', async (t) => {
        const { peer, pool } = await open(
          t,
          (socket) => {
            const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'.repeat(9)
            let at = 0
            const timer = setInterval(() => socket.write(bytes[at++ % bytes.length] ?? ''), 20)
            socket.on('close', () => clearInterval(timer))
          },
          { timeouts: { read: 200 } },
        )
        const failed = pool.request({ origin: peer.origin, path: '/' })
        await assert.rejects(failed, ReadTimeout)
        pool.assertQuiescent()
      })

      test('84 a server that stops in its response, while the source is idle', async (t) => {
        for (const answer of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\npart']) {
          const { peer, pool } = await open(
            t,
            (socket) => {
              if (answer !== '') socket.write(answer)
            },
            { timeouts: { read: 100 } },
          )
          const { body, state } = manual()
          await assert.rejects(text(pool, peer.origin, body), ReadTimeout)
          assert.equal(state.closed, 1)
          pool.assertQuiescent()
        }
      })

      test('83 a reader of an echo pauses for longer than the write timeout', async (t) => {
        const { peer, pool } = await open(
          t,
          (socket) => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n')
            socket.on('data', (bytes) => {
              if (!socket.write(bytes)) socket.pause()
            })
            socket.on('drain', () => socket.resume())
          },
          { timeouts: { read: 1500, write: 1500 } },
        )
        let sent = 0
        async function* content(): AsyncGenerator<Uint8Array> {
          while (sent < 30 << 20) {
            sent += 65_536
            yield Buffer.alloc(65_536)
          }
        }
        const controller = new AbortController()
        const request = { origin: peer.origin, path: '/', method: 'POST', body: content() }
        const response = await pool.request({ ...request, signal: controller.signal })
        const chunks = response[Symbol.asyncIterator]()
        await chunks.next()
        await new Promise((resolve) => setTimeout(resolve, 2500))
        let length = 0
        while (length < 8 << 20) length += (await chunks.next()).value?.length ?? 0
        controller.abort()
        await assert.rejects(chunks.next(), { name: 'AbortError' })
        pool.assertQuiescent()
      })
    })
  }
}
