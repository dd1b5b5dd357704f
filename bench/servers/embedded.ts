import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import type { ServerAddress } from '../messages.ts'
import { makeCertificate } from './certificate.ts'
import { bodyOfLength, extraHeaders, files, postPath, postResponse } from './content.ts'
import { startTunnelProxy } from './tunnel.ts'

/**
 * Starts the server that replaces nginx where it is not installed. It reads requests from raw
 * sockets and writes prepared responses. An `http.Server` would take more CPU than the clients and
 * hide their differences.
 */
export async function startEmbedded(folder: string): Promise<ServerAddress> {
  const responses = createResponses()
  const certificate = makeCertificate()
  const serve = (socket: net.Socket) => new ServerConnection(socket, responses)
  const plain = net.createServer({ noDelay: true }, serve)
  const secure = tls.createServer({ ...certificate, noDelay: true }, serve)
  secure.on('tlsClientError', () => {})
  const listen = async (server: net.Server) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
    await once(server, 'listening')
    return (server.address() as net.AddressInfo).port
  }
  return {
    name: 'embedded net server',
    version: `node ${process.version}`,
    http: `http://127.0.0.1:${await listen(plain)}`,
    https: `https://127.0.0.1:${await listen(secure)}`,
    uds: await listenOnUnixSocket(join(folder, 'server.sock'), serve),
    tunnelProxy: await startTunnelProxy(),
    ca: certificate.cert,
  }
}

async function listenOnUnixSocket(
  path: string,
  serve: (socket: net.Socket) => void,
): Promise<string> {
  const server = net.createServer(serve)
  server.listen({ path, backlog: 4096 })
  await once(server, 'listening')
  return path
}

interface Responses {
  byPath: Map<string, Buffer>
  notFound: Buffer
}

/** Creates each response as one buffer, with the headers that nginx sends. */
function createResponses(): Responses {
  const byPath = new Map<string, Buffer>()
  for (const [path, length] of Object.entries(files)) {
    const more = path === '/13-headers' ? extraHeaders : []
    byPath.set(path, formatResponse('200 OK', bodyOfLength(length), [...fileHeaders, ...more]))
  }
  byPath.set(postPath, formatResponse('200 OK', Buffer.from(postResponse), []))
  return { byPath, notFound: formatResponse('404 Not Found', Buffer.alloc(0), []) }
}

const fileHeaders: readonly (readonly [string, string])[] = [
  ['Last-Modified', 'Sat, 22 Nov 2025 18:00:00 GMT'],
  ['ETag', '"6921f7a0-41"'],
  ['Accept-Ranges', 'bytes'],
]

type Header = readonly [string, string]

function formatResponse(status: string, body: Buffer, more: readonly Header[]): Buffer {
  const headers: Header[] = [
    ['Server', 'embedded/1.0.0'],
    ['Date', new Date().toUTCString()],
    ['Content-Type', 'application/json'],
    ['Content-Length', `${body.length}`],
    ['Connection', 'keep-alive'],
    ...more,
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`), body])
}

/**
 * A connection. Most request heads of a client are equal, so each is first compared with the last.
 */
class ServerConnection {
  private readonly socket: net.Socket
  private readonly responses: Responses
  /** The bytes of an incomplete request head. */
  private partialHead: Buffer | undefined
  /** Number of body bytes that have not been received. */
  private unreadBody = 0
  private response: Buffer
  private lastHead: Buffer = Buffer.alloc(0)
  private lastBodyLength = 0

  constructor(socket: net.Socket, responses: Responses) {
    this.socket = socket
    this.responses = responses
    this.response = responses.notFound
    socket.on('data', (chunk) => this.read(chunk))
    socket.on('error', () => socket.destroy())
  }

  private read(chunk: Buffer) {
    let position = 0
    while (position < chunk.length) {
      if (this.unreadBody > 0) {
        const taken = Math.min(this.unreadBody, chunk.length - position)
        this.unreadBody -= taken
        position += taken
      } else {
        const bytes = this.partialHead
          ? Buffer.concat([this.partialHead, chunk.subarray(position)])
          : chunk
        const start = this.partialHead ? 0 : position
        const end = this.readHead(bytes, start)
        if (end === -1) {
          this.partialHead = Buffer.from(bytes.subarray(start))
          return
        }
        this.partialHead = undefined
        position = chunk.length - (bytes.length - end)
      }
      if (this.unreadBody === 0) this.socket.write(this.response)
    }
  }

  /** Returns the end of the request head, or -1 if it is incomplete. */
  private readHead(bytes: Buffer, start: number): number {
    const { lastHead } = this
    const expectedEnd = start + lastHead.length
    if (
      lastHead.length > 0 &&
      bytes.length >= expectedEnd &&
      bytes.compare(lastHead, 0, lastHead.length, start, expectedEnd) === 0
    ) {
      this.unreadBody = this.lastBodyLength
      return expectedEnd
    }
    const end = bytes.indexOf('\r\n\r\n', start) + 4
    if (end === 3) return -1
    const head = bytes.toString('latin1', start, end)
    const target = head.split(' ', 2)[1] ?? ''
    const path = target.replace(/^http:\/\/[^/]*/, '') // absolute-form, as sent to a proxy
    this.response = this.responses.byPath.get(path) ?? this.responses.notFound
    this.lastHead = Buffer.from(bytes.subarray(start, end))
    this.lastBodyLength = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    this.unreadBody = this.lastBodyLength
    return end
  }
}
