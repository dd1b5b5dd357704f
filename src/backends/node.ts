import { lookup } from 'node:dns'
import type { OnReadOpts, Socket } from 'node:net'
import { connect } from 'node:net'
import { TLSSocket } from 'node:tls'
import { withoutPrototype } from '../models/options.ts'
import type { Backend, BackendSocket, ConnectTarget, SocketHandler, TlsTarget } from './backend.ts'
import { readInto } from './node-internals.ts'
import { NodeSocket } from './node-socket.ts'
import { connectTls } from './node-tls.ts'
import { bunApi, denoApi } from './other-runtimes.ts'
import { connectOverStream, secureOverStream } from './over-stream.ts'
import { hold, release, systemClock } from './system-clock.ts'

/** In milliseconds. */
export const KEEP_ALIVE_PROBES_AFTER = 60_000

/** Sockets of `node:net` and `node:tls`. */
export const nodeBackend: Backend = {
  name: 'node',
  clock: systemClock,

  lookup(host, callback) {
    lookup(host, { all: true }, (error, addresses) => {
      callback(error, (addresses ?? []) as { address: string; family: 4 | 6 }[])
    })
  },

  connect(target, handler) {
    const { tls } = withoutPrototype(target)
    if (tls && denoApi()) return connectOverStream(connectDirectly, target, tls, handler)
    return connectDirectly(target, handler)
  },

  secure(socket, tls, handler, firstBytes = null) {
    if (!(socket instanceof NodeSocket)) throw new TypeError('secure: not a socket of this backend')
    if (denoApi() || (bunApi() && (socket.isSecure || firstBytes !== null))) {
      return secureOverStream(socket, socket.finished, tls, handler, firstBytes)
    }
    const below = socket.giveUp()
    let isRead = false
    const secure = new NodeSocket(handler, tls, (onread) => {
      const opened = openOver(below, tls, firstBytes)
      // Over TLS inside of TLS an answer that waits behind a failing write would never come.
      isRead = !(below instanceof TLSSocket) && readInto(opened, onread)
      return opened
    })
    return isRead ? secure : secure.readByEvents()
  },

  hold,
  release,
}

function connectDirectly(target: ConnectTarget, handler: SocketHandler): BackendSocket {
  return new NodeSocket(handler, target.tls, (onread) => open(target, onread))
}

function open(target: ConnectTarget, onread: OnReadOpts): Socket {
  const { address, port, path, localAddress, tls } = withoutPrototype(target)
  const options = {
    // All of them, or `connect` could find the missing one on a polluted `Object.prototype`.
    host: address,
    port: port as number,
    path: path as string,
    localAddress,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBES_AFTER,
    onread,
  }
  return tls ? connectTls(tls, options) : connect(options)
}

function openOver(below: Socket, tls: TlsTarget, firstBytes: Uint8Array | null): Socket {
  try {
    // TLS over such a socket would never say anything.
    if (below.destroyed || below.readableEnded) throw new Error('the tunnel is closed')
    if (firstBytes !== null) below.unshift(firstBytes) // TLS begins with what is buffered
    // A stream in 'data' mode reads on after `pause()` until its buffer is full, and an error found
    // there costs what is in the buffer: it holds one read.
    const options = { socket: below, highWaterMark: 1 }
    return connectTls(tls, options)
  } catch (error) {
    below.destroy()
    throw error
  }
}
