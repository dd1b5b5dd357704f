import { once } from 'node:events'
import type { Server as HttpServer, RequestListener } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { createServer as createTlsServer } from 'node:tls'
import type { PoolOptions } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'

export interface Started<Kind extends Server> {
  readonly server: Kind
  readonly port: number
  readonly origin: string
  /** All accepted sockets, including closed ones. */
  readonly sockets: Socket[]
}

export async function start<Kind extends Server>(
  t: TestContext,
  server: Kind,
  connected: string,
  scheme: string,
): Promise<Started<Kind>> {
  const sockets: Socket[] = []
  server.on(connected, (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { server, port, origin: `${scheme}://127.0.0.1:${port}`, sockets }
}

export function httpServer(
  t: TestContext,
  listener: RequestListener,
): Promise<Started<HttpServer>> {
  return start(t, createHttpServer(listener), 'connection', 'http')
}

/** Starts a TCP server. `accept` gets each socket, and writes the responses. */
export function rawServer(t: TestContext, accept: (socket: Socket) => void) {
  return start(t, createServer({ noDelay: true }, accept), 'connection', 'http')
}

/** Starts a TLS server that responds to each request with the text that `answer` returns. */
export function tlsServer(
  t: TestContext,
  options: TlsOptions,
  answer: (socket: TLSSocket) => string = () => 'ok',
) {
  const server = createTlsServer(options, (socket) => {
    socket.on('data', () => {
      const body = answer(socket)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    })
  })
  server.on('tlsClientError', () => {})
  return start(t, server, 'secureConnection', 'https')
}

/** Creates a pool that is closed after the test. */
export function openPool(t: TestContext, options: PoolOptions = {}): ConnectionPool {
  const pool = new ConnectionPool(options)
  t.after(() => pool.close())
  return pool
}

/** A lookup that resolves every name to this machine. */
export const toLoopback: NonNullable<PoolOptions['lookup']> = (_host, _options, callback) =>
  callback(null, '127.0.0.1', 4)
