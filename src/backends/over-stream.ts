/**
 * TLS of `node:tls` over a plain socket as a stream, for runtimes whose `node:tls` is less exact on
 * sockets of its own. Deno's (2.9) there never reports a reset, reads on while paused, and hangs
 * over a tunnel; Bun's (1.4) hangs over a tunnel that is TLS itself, and hears nothing of `firstBytes`.
 */
import type { TLSSocket } from 'node:tls'
import type { Backend, BackendSocket, ConnectTarget, SocketHandler, TlsTarget } from './backend.ts'
import { NodeSocket } from './node-socket.ts'
import { connectTls } from './node-tls.ts'
import { SocketStream } from './socket-stream.ts'

/** `Backend.connect` to a target with TLS, by one that connects to those without. */
export function connectOverStream(
  connectPlain: Backend['connect'],
  target: ConnectTarget,
  tls: TlsTarget,
  handler: SocketHandler,
): BackendSocket {
  const plain = { ...target, tls: null }
  const stream = new SocketStream(
    (below) => connectPlain(plain, below),
    () => secure.handler.onConnect(),
  )
  const secure: NodeSocket = overStream(stream, tls, handler)
  return secure
}

/**
 * `Backend.secure` for a socket of any kind.
 * @param finished Its peer says nothing more: TLS over it would never say anything either.
 */
export function secureOverStream(
  socket: BackendSocket,
  finished: boolean,
  tls: TlsTarget,
  handler: SocketHandler,
  firstBytes: Uint8Array | null,
): BackendSocket {
  const stream = new SocketStream((below) => {
    socket.handler = below
    return socket
  })
  if (firstBytes !== null) stream.push(firstBytes)
  if (finished) stream.destroy(new Error('the tunnel is closed'))
  return overStream(stream, tls, handler)
}

function overStream(stream: SocketStream, tls: TlsTarget, handler: SocketHandler): NodeSocket {
  const open = () => {
    const options = { socket: stream, highWaterMark: 1 }
    const socket = connectTls(tls, options)
    // Neither runtime says so by itself.
    stream.once('error', (error) => socket.destroy(error))
    stream.once('end', () => endAfter(socket))
    return socket
  }
  const openOrClose = () => {
    try {
      return open()
    } catch (error) {
      stream.on('error', () => {}).destroy()
      throw error
    }
  }
  const secure = new NodeSocket(handler, tls, openOrClose, stream).readByEvents()
  stream.onSent = () => {
    if (secure.pendingBytes() === 0) secure.onDrained()
  }
  return secure
}

/** An end that comes while the socket is paused is lost on Deno: all bytes come, then nothing. */
function endAfter(socket: TLSSocket, quietTurns = 0, bytesRead = socket.bytesRead): void {
  if (socket.destroyed || socket.readableEnded) return
  if (socket.isPaused()) {
    socket.once('resume', () => endAfter(socket))
    return
  }
  const quiet = socket.readableLength === 0 && socket.bytesRead === bytesRead
  if (quiet && quietTurns === 3) socket.push(null)
  else setImmediate(endAfter, socket, quiet ? quietTurns + 1 : 0, socket.bytesRead)
}
