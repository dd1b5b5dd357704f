import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { certificateFor } from '../../test/support/certificates.ts'

export interface Servers {
  readonly http: string
  readonly https: string
  /** Nothing listens there. */
  readonly nobody: string
  /** Whom to trust for `https`: made a moment ago, and known to nobody else. */
  readonly ca: string
  /** Connections that have been accepted. */
  accepted(): number
  close(): void
}

/** Ordinary servers of Node's, for the client to talk to. */
export async function startServers(): Promise<Servers> {
  const { key, cert } = certificateFor(['127.0.0.1'])
  const plain = createServer(answer)
  const secure = createSecureServer({ key, cert }, answer)
  let accepted = 0
  const number = (socket: Socket) => numbers.set(socket, ++accepted)
  plain.on('connection', number)
  secure.on('secureConnection', number)
  secure.on('tlsClientError', () => {})
  const listen = async (server: typeof plain | typeof secure) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const unused = createServer()
  const nobody = `http://${await listen(unused)}`
  unused.close()
  return {
    http: `http://${await listen(plain)}`,
    https: `https://${await listen(secure)}`,
    nobody,
    ca: cert,
    accepted: () => accepted,
    close() {
      for (const server of [plain, secure]) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

/** In the order in which they were accepted. */
const numbers = new WeakMap<Socket, number>()

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const answers: Readonly<Record<string, Answer>> = {
  '/hello': (_, response) => response.end('Hello, sailor.'),

  async '/echo'(request, response) {
    const content = Buffer.concat(await request.toArray())
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ type: request.headers['content-type'], got: String(content) }))
  },

  '/slow': (_, response) => late(response, 5000),

  '/work': (_, response) => late(response, 25),

  '/story': (_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    response.setHeader('trailer', 'lines')
    response.write('Once upon a time\n')
    setTimeout(() => {
      response.write('there was a rope.\n')
      response.addTrailers({ lines: '2' })
      response.end()
    }, 20)
  },

  '/large': (_, response) => {
    const length = 32 << 20
    response.setHeader('content-length', length)
    Readable.from(pieces(length)).pipe(response)
  },

  async '/upload'(request, response) {
    const hash = createHash('sha256')
    let length = 0
    for await (const chunk of request) {
      hash.update(chunk)
      length += chunk.length
    }
    const framing = `transfer-encoding: ${request.headers['transfer-encoding']}`
    response.end(`${length} bytes by ${framing}, SHA-256 ${hash.digest('hex').slice(0, 16)}...`)
  },

  '/secure': (request, response) => {
    const socket = request.socket as TLSSocket
    const session = socket.isSessionReused() ? 'resumed' : 'new'
    response.setHeader('connection', 'close')
    response.end(`${socket.getProtocol()}, ${socket.alpnProtocol}, a ${session} session`)
  },

  '/broken': (request, response) => {
    response.setHeader('content-length', 1000)
    response.write('ten bytes.', () => request.socket.destroySoon())
  },
}

const answer: RequestListener = (request, response) => {
  response.setHeader('connection-number', numbers.get(request.socket) ?? 0)
  const known = answers[request.url ?? '']
  if (known !== undefined) return known(request, response)
  response.statusCode = 404
  response.end('There is nothing here.')
}

function late(response: ServerResponse, ms: number): void {
  const timer = setTimeout(() => response.end('Here at last.'), ms)
  response.on('close', () => clearTimeout(timer))
}

function* pieces(length: number): Generator<Buffer> {
  const piece = Buffer.alloc(1 << 16, 'hawser')
  for (let sent = 0; sent < length; sent += piece.length) yield piece
}
