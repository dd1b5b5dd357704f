// An origin server for tests of routes. It receives and sends bodies of any length without keeping
// them in memory.
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

/** The length is a prime number, so that a lost or repeated chunk is noticed. */
const CHUNK = randomBytes(65_521)

/** Generates content of `length` bytes in chunks. */
export function* generateContent(
  length: number,
  onChunk?: (length: number) => void,
): Generator<Buffer> {
  for (let at = 0; at < length; at += CHUNK.length) {
    const chunk = CHUNK.subarray(0, length - at)
    onChunk?.(chunk.length)
    yield chunk
  }
}

/** Receives content of `generated`, and checks every 97th byte. */
export class ContentChecker {
  length = 0
  isIntact = true

  check(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 97) {
      this.isIntact &&= bytes[at] === CHUNK[(this.length + at) % CHUNK.length]
    }
    this.length += bytes.length
  }
}

export interface OriginServer {
  /** 0 if it listens on a Unix socket. */
  readonly port: number
  /** The head of each request: method, target and fields. */
  readonly heads: string[]
  /** All accepted connections. */
  readonly sockets: Socket[]
  /** Bytes of `/large` that were passed to the sockets. */
  readonly sent: number
}

/**
 * Starts the server. `/large?N` responds with N bytes. `/silent` never responds. `/cut` sends a
 * head and one of two bytes. `/to?URL` redirects to the URL. All other paths respond with a summary
 * of the request. After an upgrade, the server echoes.
 *
 * @param path path of a Unix socket. Default: a free port
 */
export async function startOriginServer(
  t: Pick<TestContext, 'after'>,
  { tls, path }: { tls?: TlsOptions | undefined; path?: string | undefined } = {},
): Promise<OriginServer> {
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
      const body = generateContent(Number(query), (length) => {
        target.sent += length
      })
      response.writeHead(200, { 'content-length': query })
      const stream = Readable.from(body, { highWaterMark: 1 }).pipe(response)
      return void stream.on('close', () => body.return(undefined))
    }
    const checker = new ContentChecker()
    request.on('data', (bytes: Buffer) => checker.check(bytes))
    await once(request, 'end').catch(() => {})
    const { method, url, headers } = request
    response.end([method, url, headers.host, checker.length, checker.isIntact].join(' '))
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

/** Returns the server's summary of a request that it received completely. */
export function expectedSummary(method: string, url: URL, length: number): string {
  return `${method} ${url.pathname}${url.search} ${url.host} ${length} true`
}

export function assertIntact(taker: ContentChecker, length: number): void {
  assert.equal(taker.length, length)
  assert.ok(taker.isIntact, 'the received bytes differ from the sent ones')
}
