// An origin for tests of routes: it takes and gives content of any length, and holds none of it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { TlsOptions } from 'node:tls'

/** Of no round length, so that a piece which is lost or comes twice is seen. */
const PIECE = randomBytes(65_521)

/** Content of so many bytes, made as it is asked for. */
export function* generated(length: number, onPiece?: (length: number) => void): Generator<Buffer> {
  for (let at = 0; at < length; at += PIECE.length) {
    const piece = PIECE.subarray(0, length - at)
    onPiece?.(piece.length)
    yield piece
  }
}

/** Takes what `generated` made, and looks at every 97th byte. */
export class Taker {
  length = 0
  isIntact = true

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 97) {
      this.isIntact &&= bytes[at] === PIECE[(this.length + at) % PIECE.length]
    }
    this.length += bytes.length
  }
}

export interface Target {
  /** 0 where it listens on a unix socket. */
  readonly port: number
  /** Request line and fields of each request, as they came. */
  readonly heads: string[]
  /** Connections that were ever accepted. */
  readonly sockets: Socket[]
  /** Bytes of `/large` that were handed to the sockets. */
  readonly sent: number
}

/**
 * `/large?n` gives n bytes; `/silent` never answers; `/cut` gives a head and a byte; `/to?url`
 * redirects there; all else says what came. It echoes after an upgrade.
 *
 * @param path of a unix socket, instead of a free port
 */
export async function startTarget(
  t: Pick<TestContext, 'after'>,
  { tls, path }: { tls?: TlsOptions | undefined; path?: string | undefined } = {},
): Promise<Target> {
  const heads: string[] = []
  const sockets: Socket[] = []
  const target = { port: 0, heads, sockets, sent: 0 }
  const listener: RequestListener = async (request, response) => {
    heads.push(headOf(request))
    const [, path, query = ''] = /^([^?]*)\??(.*)$/.exec(request.url!)!
    if (path === '/silent') return
    if (path === '/cut') return void response.writeHead(200, { 'content-length': 2 }).write('x')
    if (path === '/to') {
      return void response.writeHead(302, { location: decodeURIComponent(query) }).end()
    }
    if (path === '/large') {
      const body = generated(Number(query), (length) => {
        target.sent += length
      })
      response.writeHead(200, { 'content-length': query })
      const stream = Readable.from(body, { highWaterMark: 1 }).pipe(response)
      return void stream.on('close', () => body.return(undefined))
    }
    const taker = new Taker()
    request.on('data', (bytes: Buffer) => taker.take(bytes))
    await once(request, 'end').catch(() => {})
    const { method, url, headers } = request
    response.end([method, url, headers.host, taker.length, taker.isIntact].join(' '))
  }
  const server = tls ? createHttpsServer(tls, listener) : createServer(listener)
  server.keepAliveTimeout = 0
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    heads.push(headOf(request))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => sockets.push(socket))
  server.on('tlsClientError', () => {})
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address() as AddressInfo | string
  if (typeof address === 'object' && address !== null) target.port = address.port
  return target
}

export function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  let head = `${method} ${url}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2)
    head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  return head
}

/** What the target says of a request that came whole. */
export function told(method: string, url: URL, length: number): string {
  return `${method} ${url.pathname}${url.search} ${url.host} ${length} true`
}

export function assertIntact(taker: Taker, length: number): void {
  assert.equal(taker.length, length)
  assert.ok(taker.isIntact, 'other bytes came than were sent')
}
