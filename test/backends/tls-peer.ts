// A Node process that is the server's side of TLS, and relays to a plain server of the tests. For
// runtimes whose TLS servers lack what is tested here: those of Deno do not support half-open
// connections, and neither those of Deno nor of Bun support TLS over TLS.
import { once } from 'node:events'
import type { NetConnectOpts, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'

export interface TlsPeerOptions {
  readonly listen: { path: string } | { host: string; port: number }
  /** The plain server to relay to. */
  readonly target: NetConnectOpts
  readonly certificate: { key: string; cert: string }
  /** Whether the connection starts with TLS. */
  readonly outer: boolean
  /** Whether TLS, or a second TLS, starts after a first exchange. */
  readonly tunnel: boolean
}

const SOCKET = { allowHalfOpen: true, noDelay: true }

async function serve({ listen, target, certificate, outer, tunnel }: TlsPeerOptions) {
  const accept = async (socket: Socket) => {
    socket.on('error', () => {})
    if (!tunnel) return relay(socket, target)
    await once(socket, 'data')
    socket.pause()
    socket.write('200')
    const secure = new TLSSocket(socket, { ...certificate, isServer: true })
    secure.on('error', () => {}).once('secure', () => relay(secure, target))
  }
  const server = outer
    ? createTlsServer({ ...SOCKET, ...certificate, ALPNProtocols: ['http/1.1'] }, accept)
    : createServer(SOCKET, accept)
  server.on('tlsClientError', () => {})
  server.listen(listen)
  await once(server, 'listening')
  console.log(JSON.stringify(server.address()))
}

/** Relays data, ends, errors and resets in both directions. */
function relay(socket: Socket, target: NetConnectOpts): void {
  const inner = connect({ ...target, ...SOCKET })
  socket.pipe(inner)
  inner.pipe(socket)
  inner.on('error', () => reset(socket))
  socket.on('error', () => reset(inner)).on('close', () => inner.destroy())
  inner.on('close', () => socket.destroy())
}

function reset(socket: Socket & { _parent?: Socket }): void {
  let bottom = socket
  while (bottom._parent) bottom = bottom._parent
  if (bottom.remoteAddress !== undefined) bottom.resetAndDestroy()
  else bottom.destroy()
}

// The process ends when its standard input ends.
process.stdin
  .once('data', (options) => void serve(JSON.parse(String(options))))
  .once('end', () => process.exit())
