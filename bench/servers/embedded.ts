import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import type { ServerAddress } from '../messages.ts'
import { makeCertificate } from './certificate.ts'
import { bodyOfLength, files, fiveMoreHeaders, postAnswer, postPath } from './content.ts'
import { startTunnels } from './tunnel.ts'

/**
 * Stands in for nginx: reads requests off raw sockets and writes answers made beforehand. Not an
 * `http.Server`, which takes more CPU for a request than the clients do, and would hide them.
 */
export async function startEmbedded(folder: string): Promise<ServerAddress> {
  const answers = makeAnswers()
  const certificate = makeCertificate()
  const serve = (socket: net.Socket) => new Answering(socket, answers)
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
    uds: await listenLocally(join(folder, 'server.sock'), serve),
    tunnels: await startTunnels(),
    ca: certificate.cert,
  }
}

async function listenLocally(path: string, serve: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer(serve)
  server.listen({ path, backlog: 4096 })
  await once(server, 'listening')
  return path
}

interface Answers {
  byPath: Map<string, Buffer>
  notFound: Buffer
}

/** Head and body of each answer in one buffer, headed as nginx does it. */
function makeAnswers(): Answers {
  const byPath = new Map<string, Buffer>()
  for (const [path, length] of Object.entries(files)) {
    const more = path === '/13-headers' ? fiveMoreHeaders : []
    byPath.set(path, answer('200 OK', bodyOfLength(length), [...fileHeaders, ...more]))
  }
  byPath.set(postPath, answer('200 OK', Buffer.from(postAnswer), []))
  return { byPath, notFound: answer('404 Not Found', Buffer.alloc(0), []) }
}

const fileHeaders: readonly (readonly [string, string])[] = [
  ['Last-Modified', 'Sat, 22 Nov 2025 18:00:00 GMT'],
  ['ETag', '"6921f7a0-41"'],
  ['Accept-Ranges', 'bytes'],
]

type Header = readonly [string, string]

function answer(status: string, body: Buffer, more: readonly Header[]): Buffer {
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

/** One connection. A client's heads are mostly the same, so the last one is recognised whole. */
class Answering {
  private readonly socket: net.Socket
  private readonly answers: Answers
  /** The beginning of a head whose end has not come yet. */
  private held: Buffer | undefined
  private bodyMissing = 0
  private answer: Buffer
  private lastHead: Buffer = Buffer.alloc(0)
  private lastBodyLength = 0

  constructor(socket: net.Socket, answers: Answers) {
    this.socket = socket
    this.answers = answers
    this.answer = answers.notFound
    socket.on('data', (chunk) => this.read(chunk))
    socket.on('error', () => socket.destroy())
  }

  private read(chunk: Buffer) {
    let at = 0
    while (at < chunk.length) {
      if (this.bodyMissing > 0) {
        const taken = Math.min(this.bodyMissing, chunk.length - at)
        this.bodyMissing -= taken
        at += taken
      } else {
        const bytes = this.held ? Buffer.concat([this.held, chunk.subarray(at)]) : chunk
        const start = this.held ? 0 : at
        const end = this.readHead(bytes, start)
        if (end === -1) {
          this.held = Buffer.from(bytes.subarray(start))
          return
        }
        this.held = undefined
        at = chunk.length - (bytes.length - end)
      }
      if (this.bodyMissing === 0) this.socket.write(this.answer)
    }
  }

  /** Returns where the head ends, or -1. */
  private readHead(bytes: Buffer, start: number): number {
    const { lastHead } = this
    const known = start + lastHead.length
    if (
      lastHead.length > 0 &&
      bytes.length >= known &&
      bytes.compare(lastHead, 0, lastHead.length, start, known) === 0
    ) {
      this.bodyMissing = this.lastBodyLength
      return known
    }
    const end = bytes.indexOf('\r\n\r\n', start) + 4
    if (end === 3) return -1
    const head = bytes.toString('latin1', start, end)
    const target = head.split(' ', 2)[1] ?? ''
    const path = target.replace(/^http:\/\/[^/]*/, '') // as a proxy gets it
    this.answer = this.answers.byPath.get(path) ?? this.answers.notFound
    this.lastHead = Buffer.from(bytes.subarray(start, end))
    this.lastBodyLength = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    this.bodyMissing = this.lastBodyLength
    return end
  }
}
