import { lookup } from 'node:dns'
import type { OnReadOpts, Socket } from 'node:net'
import { connect } from 'node:net'
import { TLSSocket } from 'node:tls'
import { withoutPrototype } from '../models/options.ts'
import { UNSET_SOCKET_OPTIONS } from '../models/stream-options.ts'
import type { Backend, BackendSocket, ConnectTarget, SocketHandler, TlsTarget } from './backend.ts'
import { setOnRead } from './node-internals.ts'
import { NodeSocket } from './node-socket.ts'
import { connectTls } from './node-tls.ts'
import { bunApi, denoApi } from './other-runtimes.ts'
import { hold, release, systemClock } from './system-clock.ts'
import { connectTlsOverStream, startTlsOverStream } from './tls-over-stream.ts'

/** After how many idle milliseconds the operating system sends TCP keep-alive probes. */
export const KEEP_ALIVE_DELAY = 60_000

/** The backend for Node.js: sockets of `node:net` and `node:tls`. */
export const nodeBackend: Backend = {
  name: 'node',
  clock: systemClock,

  lookup(host, callback) {
    lookup(host, withoutPrototype({ all: true as const }), (error, addresses) => {
      callback(error, (addresses ?? []) as { address: string; family: 4 | 6 }[])
    })
  },

  connect(target, handler) {
    const { tls } = withoutPrototype(target)
    if (tls && denoApi()) return connectTlsOverStream(connectDirectly, target, tls, handler)
    return connectDirectly(target, handler)
  },

  secure(socket, tls, handler, firstBytes = null) {
    if (!(socket instanceof NodeSocket))
      throw new TypeError('secure() expects a socket that this backend created')
    if (denoApi() || (bunApi() && (socket.isSecure || firstBytes !== null))) {
      return startTlsOverStream(socket, socket.readEnded, tls, handler, firstBytes)
    }
    const underlying = socket.detach()
    let hasOnRead = false
    const secure = new NodeSocket(handler, tls, (onread) => {
      const opened = openOver(underlying, tls, firstBytes)
      // Not for TLS inside TLS: a response that arrived before a write error would be lost there.
      hasOnRead = !(underlying instanceof TLSSocket) && setOnRead(opened, onread)
      return opened
    })
    return hasOnRead ? secure : secure.readWithDataEvents()
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
    ...UNSET_SOCKET_OPTIONS,
    host: address,
    port: port as number,
    path: path as string,
    localAddress,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY,
    onread,
  }
  return tls ? connectTls(tls, options) : connect(options)
}

function openOver(underlying: Socket, tls: TlsTarget, firstBytes: Uint8Array | null): Socket {
  try {
    // TLS over a closed socket would never emit an event.
    if (underlying.destroyed || underlying.readableEnded) throw new Error('the tunnel is closed')
    if (firstBytes !== null) underlying.unshift(firstBytes) // TLS reads buffered data first
    // After `pause()`, a stream that emits 'data' reads until its buffer is full. If it then finds
    // an error, it drops the buffer. The limit of 1 keeps the loss to one read.
    const options = { ...UNSET_SOCKET_OPTIONS, socket: underlying, highWaterMark: 1 }
    return connectTls(tls, options)
  } catch (error) {
    // A half-made `TLSSocket` listens to the end of its transport, and would throw there.
    underlying.removeAllListeners('close').destroy()
    throw error
  }
}
