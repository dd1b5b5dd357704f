/**
 * Runs `node:tls` over a stream that wraps a plain socket of the backend. For runtimes whose
 * `node:tls` has defects when it opens the socket itself: Deno's (2.9) never reports a reset, reads
 * while paused, and hangs in a tunnel; Bun's (1.4) hangs in a tunnel over TLS, and loses
 * `firstBytes`.
 */
import type { TLSSocket } from 'node:tls'
import { UNSET_SOCKET_OPTIONS } from '../models/stream-options.ts'
import type { Backend, BackendSocket, ConnectTarget, SocketHandler, TlsTarget } from './backend.ts'
import { NodeSocket } from './node-socket.ts'
import { connectTls } from './node-tls.ts'
import { setImmediate } from './runtime-timers.ts'
import { SocketStream } from './socket-stream.ts'

/** `Backend.connect` for a target with TLS. @param connectPlain connects to a target without TLS */
export function connectTlsOverStream(
  connectPlain: Backend['connect'],
  target: ConnectTarget,
  tls: TlsTarget,
  handler: SocketHandler,
): BackendSocket {
  const plainTarget = { ...target, tls: null }
  const stream = new SocketStream(
    (plainHandler) => connectPlain(plainTarget, plainHandler),
    () => secure.handler.onConnect(),
  )
  const secure: NodeSocket = tlsOverStream(stream, tls, handler)
  return secure
}

/**
 * `Backend.secure` for any socket.
 *
 * @param readEnded whether no more data of the peer follows: the returned socket closes with an
 *   error then
 */
export function startTlsOverStream(
  socket: BackendSocket,
  readEnded: boolean,
  tls: TlsTarget,
  handler: SocketHandler,
  firstBytes: Uint8Array | null,
): BackendSocket {
  const stream = new SocketStream((streamHandler) => {
    socket.handler = streamHandler
    return socket
  })
  if (firstBytes !== null) stream.push(firstBytes)
  if (readEnded) stream.destroy(new Error('the tunnel is closed'))
  return tlsOverStream(stream, tls, handler)
}

function tlsOverStream(stream: SocketStream, tls: TlsTarget, handler: SocketHandler): NodeSocket {
  const open = () => {
    try {
      const options = { ...UNSET_SOCKET_OPTIONS, socket: stream, highWaterMark: 1 }
      const socket = connectTls(tls, options)
      // Neither runtime passes errors and the end of the stream to the TLS socket.
      stream.once('error', (error) => socket.destroy(error))
      stream.once('end', () => endWhenIdle(socket))
      return socket
    } catch (error) {
      stream.on('error', () => {}).destroy()
      throw error
    }
  }
  const secure = new NodeSocket(handler, tls, open, stream).readWithDataEvents()
  stream.onAllWritten = () => {
    if (secure.pendingBytes() === 0) secure.onDrain()
  }
  return secure
}

/**
 * Ends a TLS socket whose stream has ended, once it has delivered all data. Deno loses an end that
 * arrives while the socket is paused: it delivers all bytes, but never emits `end`.
 */
function endWhenIdle(socket: TLSSocket, quietTurns = 0, bytesRead = socket.bytesRead): void {
  if (socket.destroyed || socket.readableEnded) return
  if (socket.isPaused()) {
    socket.once('resume', () => endWhenIdle(socket))
    return
  }
  const quiet = socket.readableLength === 0 && socket.bytesRead === bytesRead
  if (quiet && quietTurns === 3) socket.push(null)
  else setImmediate(endWhenIdle, socket, quiet ? quietTurns + 1 : 0, socket.bytesRead)
}
