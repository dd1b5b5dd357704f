import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import type { Backend, ConnectTarget, TlsTarget } from '../../src/backends/backend.ts'
import { certificateFor } from '../support/certificates.ts'
import type { Link } from './conformance.ts'
import { Recorder } from './recorder.ts'

export const certificate = certificateFor(['server.test'])
export const tls: TlsTarget = { host: 'server.test', options: { ca: certificate.cert } }

export const loopback = () => ({ host: '127.0.0.1', port: 0 })

/** Direct connections to a server in this process. */
export function localLink(
  backend: Backend,
  makeAddress: () => { path: string } | { host: string; port: number },
  tls: TlsTarget | null,
) {
  return {
    backend,
    async open() {
      const where = makeAddress() // a new one, because Deno does not remove the file
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
          if ('host' in where) {
            assert.equal(socket.remoteAddress, '127.0.0.1')
            assert.equal(socket.remotePort, target.port)
          }
          return { socket, peer }
        },
        close: async () => void server.close(),
      }
    },
    // A TLS server reads all data from the operating system, so it cannot cause a reset by not
    // reading.
    ...('path' in makeAddress() && tls ? {} : { reset }),
  } satisfies Link
}

/** Tunnels: after a first exchange with the server, TLS starts on the same socket. */
export function localTunnel(backend: Backend, outer: TlsTarget | null): Link {
  return {
    backend,
    async open() {
      const server = serverFor(outer)
      server.listen(loopback())
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

export function addressOf(server: Server): ConnectTarget {
  const address = server.address() as AddressInfo | string
  return typeof address === 'string'
    ? { path: address }
    : { address: '127.0.0.1', port: address.port }
}

export function unixPath(): { path: string } {
  return { path: join(tmpdir(), `hawser-${randomUUID()}.sock`) }
}

export function abstractPath(): { path: string } {
  return { path: `\0${randomUUID()}` }
}

/** Resets a connection: TCP with RST, a Unix socket by closing it with unread data. */
function reset(peer: Duplex): void {
  let socket = peer as Socket & { _parent?: Socket; _handle?: { _parentWrap?: Socket } }
  while (socket._parent) socket = socket._parent
  if (socket.remoteAddress !== undefined) socket.resetAndDestroy()
  else socket.destroy()
}
