import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { Worker } from 'node:worker_threads'
import type { Backend, ConnectTarget, TlsTarget } from '../../src/backends/backend.ts'
import { bunApi } from '../../src/backends/bun-api.ts'
import { denoApi } from '../../src/backends/deno-api.ts'
import { certificateFor } from '../support/certificates.ts'
import type { Link } from './conformance.ts'
import { backendConformance } from './conformance.ts'
import type { FarLink } from './far-link.ts'
import { farLink } from './far-link.ts'
import { socketBackends } from './own-sockets.ts'
import { Recorder } from './recorder.ts'

const certificate = certificateFor(['server.test'])
const tls: TlsTarget = { host: 'server.test', options: { ca: certificate.cert } }
const onNode = !bunApi() && !denoApi()
const loopback = { host: '127.0.0.1', port: 0 }

for (const backend of socketBackends) {
  const { name } = backend
  const conforms = (kind: string, to: Link) => backendConformance(`${name}: ${kind}`, to)
  conforms(
    'TCP',
    link(backend, () => loopback, null),
  )
  conforms('a unix socket', link(backend, unixPath, null))
  if (onNode) {
    conforms(
      'TLS',
      link(backend, () => loopback, tls),
    )
    conforms('TLS on a unix socket', link(backend, unixPath, tls))
    conforms('TLS over a tunnel', tunnel(backend, null))
    conforms('TLS over a tunnel over TLS', tunnel(backend, tls))
  } else {
    const far = (unix: boolean, through: FarLink['through']) =>
      farLink(backend, { unix, certificate, tls, through })
    conforms('TLS', far(false, null))
    conforms('TLS on a unix socket', far(true, null))
    conforms('TLS over a tunnel', far(false, 'tcp'))
    conforms('TLS over a tunnel over TLS', far(false, 'tls'))
  }
  if (process.platform === 'linux') {
    conforms('an abstract unix socket', link(backend, abstractPath, null))
  }
  describe(`${name}: one socket`, () => single(backend))
}

/** A server that a connection leads to directly. */
function link(
  backend: Backend,
  place: () => { path: string } | { host: string; port: number },
  tls: TlsTarget | null,
) {
  return {
    backend,
    async open() {
      const where = place() // Deno leaves the file behind
      const server = serverFor(tls)
      server.listen(where)
      await once(server, 'listening')
      const target: ConnectTarget = { ...addressOf(server), tls }
      return {
        target,
        async connect(recorder) {
          const accepted = once(server, tls ? 'secureConnection' : 'connection')
          const socket = recorder.listen((handler) => backend.connect(target, handler))
          const [peer] = (await accepted) as [Socket]
          await recorder.untilEvent(tls ? 'secure' : 'connect')
          assert.deepEqual(recorder.events.slice(0, 2), tls ? ['connect', 'secure'] : ['connect'])
          assert.equal(socket.alpnProtocol, tls ? 'http/1.1' : false)
          if ('host' in where) {
            assert.equal(socket.remoteAddress, '127.0.0.1')
            assert.equal(socket.remotePort, target.port)
            assert.equal(socket.localAddress, '127.0.0.1')
            assert.equal(socket.localPort, peer.remotePort)
          }
          return { socket, peer }
        },
        close: async () => void server.close(),
      }
    },
    // What a TLS server leaves unread it has read all the same.
    ...('path' in place() && tls ? {} : { reset }),
  } satisfies Link
}

/** A server that a first exchange leads to, after which TLS is spoken on the same socket. */
function tunnel(backend: Backend, outer: TlsTarget | null): Link {
  return {
    backend,
    async open() {
      const server = serverFor(outer)
      server.listen(loopback)
      await once(server, 'listening')
      return {
        target: null,
        async connect(recorder) {
          const accepted = once(server, outer ? 'secureConnection' : 'connection')
          const proxy = new Recorder()
          const below = proxy.listen((handler) =>
            backend.connect({ ...addressOf(server), tls: outer }, handler),
          )
          const [proxied] = (await accepted) as [Socket]
          await proxy.untilEvent(outer ? 'secure' : 'connect')
          below.write('CONNECT')
          proxied.resume()
          await once(proxied, 'data')
          proxied.pause()
          proxied.write('200')
          await proxy.until(() => proxy.text === '200')
          const before = [...proxy.events]

          const peer = new TLSSocket(proxied, { ...certificate, isServer: true })
          peer.pause()
          const socket = recorder.listen((handler) => backend.secure(proxy.raw, tls, handler))
          await Promise.all([recorder.untilEvent('secure'), once(peer, 'secure')])
          assert.equal(recorder.events[0], 'secure')
          recorder.on = () => {}
          peer.once('close', () => assert.deepEqual(proxy.events, before))
          return { socket, peer }
        },
        close: async () => void server.close(),
      }
    },
    reset,
  }
}

function serverFor(tls: TlsTarget | null): Server {
  const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true }
  const server = tls
    ? createTlsServer({ ...options, ...certificate, ALPNProtocols: ['http/1.1'] })
    : createServer(options)
  return server.on('tlsClientError', () => {})
}

function addressOf(server: Server): ConnectTarget {
  const address = server.address() as AddressInfo | string
  return typeof address === 'string'
    ? { path: address }
    : { address: '127.0.0.1', port: address.port }
}

function unixPath(): { path: string } {
  return { path: join(tmpdir(), `hawser-${randomUUID()}.sock`) }
}

function abstractPath(): { path: string } {
  return { path: `\0${randomUUID()}` }
}

/** Over TCP by RST; a unix socket is reset by leaving what it sent unread. */
function reset(peer: Duplex): void {
  let socket = peer as Socket & { _parent?: Socket; _handle?: { _parentWrap?: Socket } }
  while (socket._parent) socket = socket._parent
  if (socket.remoteAddress !== undefined) socket.resetAndDestroy()
  else socket.destroy()
}

function single(backend: Backend): void {
  test('refused', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const target = addressOf(server)
    server.close()
    await once(server, 'close')
    const recorder = new Recorder()
    recorder.listen((handler) => backend.connect(target, handler))
    await recorder.untilEvent('close')
    assert.deepEqual(recorder.events, ['close'])
    assert.equal((recorder.error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  })

  test('what connect would throw closes the socket', async () => {
    const bad: [ConnectTarget, RegExp][] = [
      [{ address: '127.0.0.1', port: 70_000 }, /port/i],
      [{ address: '127.0.0.1', port: 1, tls: { host: 'a', options: { cert: 'x' } } }, /PEM/i],
      [{}, /port|path/],
    ]
    for (const [target, message] of bad) {
      const recorder = new Recorder()
      const socket = recorder.listen((handler) => backend.connect(target, handler))
      assert.equal(socket.remoteAddress, undefined)
      await recorder.untilEvent('close')
      assert.deepEqual(recorder.events, ['close'])
      assert.match(String(recorder.error), message)
    }
  })

  test('lookup', async () => {
    for (const [host, expected] of [
      ['127.0.0.1', [{ address: '127.0.0.1', family: 4 }]],
      ['::1', [{ address: '::1', family: 6 }]],
    ] as const) {
      let later = false
      const found = new Promise((resolve, reject) => {
        backend.lookup(host, (error, addresses) => {
          assert.ok(later)
          if (error) reject(error)
          else resolve(addresses)
        })
      })
      later = true
      assert.deepEqual(await found, expected)
    }
    const localhost = await new Promise((resolve) => {
      backend.lookup('localhost', (_, addresses) => resolve(addresses))
    })
    assert.ok(Array.isArray(localhost) && localhost.length > 0)
  })

  test('15, S12 an answer survives a blocked event loop and the EPIPE after it', async (t) => {
    const server = new Worker(HASTY_SERVER, { eval: true })
    t.after(() => server.terminate())
    const [port] = (await once(server, 'message')) as [number]
    let failedWrites = 0
    for (let round = 0; round < 10; round++) {
      const recorder = new Recorder()
      const socket = recorder.listen((handler) =>
        backend.connect({ address: '127.0.0.1', port }, handler),
      )
      await recorder.untilEvent('connect')
      socket.write('question')
      const end = performance.now() + 30
      while (performance.now() < end);
      socket.write(Buffer.alloc(1 << 18))
      socket.write(Buffer.alloc(1 << 18))
      await recorder.until(() => /end|close/.test(recorder.events.join()))
      assert.equal(recorder.text, 'answer')
      if (recorder.writeError) failedWrites += 1
      socket.destroy()
      await recorder.untilEvent('close')
    }
    assert.ok(failedWrites > 0) // not all: on a busy machine the server may be late
  })
}

/** Answers the first byte and resets the connection 5 ms later. */
const HASTY_SERVER = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('answer')
      setTimeout(() => socket.resetAndDestroy(), 5)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port)
  })
`
