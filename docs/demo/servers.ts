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
  /** An origin on which nothing listens. */
  readonly unreachable: string
  /** The certificate of `https`, as PEM. It is new, so it must be passed as a trusted one. */
  readonly ca: string
  /** Returns the number of connections that have been accepted. */
  acceptedConnections(): number
  close(): void
}

/** Starts two servers of Node.js, for http and for https. */
export async function startServers(): Promise<Servers> {
  const { key, cert } = certificateFor(['127.0.0.1'])
  const plain = createServer(handleRequest)
  const secure = createSecureServer({ key, cert }, handleRequest)
  let accepted = 0
  const number = (socket: Socket) => connectionNumbers.set(socket, ++accepted)
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
    unreachable: nobody,
    ca: cert,
    acceptedConnections: () => accepted,
    close() {
      for (const server of [plain, secure]) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

/** Number of each connection, in the order in which they were accepted. */
const connectionNumbers = new WeakMap<Socket, number>()

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const handlers: Readonly<Record<string, Handler>> = {
  '/hello': (_, response) => response.end('Hello, world.'),

  async '/echo'(request, response) {
    const content = Buffer.concat(await request.toArray())
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ type: request.headers['content-type'], content: String(content) }),
    )
  },

  '/slow': (_, response) => respondLater(response, 5000),

  '/work': (_, response) => respondLater(response, 25),

  '/early-hints': (_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    response.setHeader('trailer', 'lines')
    response.write('The first line\n')
    setTimeout(() => {
      response.write('The second line\n')
      response.addTrailers({ lines: '2' })
      response.end()
    }, 20)
  },

  '/large': (_, response) => {
    const length = 32 << 20
    response.setHeader('content-length', length)
    Readable.from(generateChunks(length)).pipe(response)
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

const handleRequest: RequestListener = (request, response) => {
  response.setHeader('connection-number', connectionNumbers.get(request.socket) ?? 0)
  const handler = handlers[request.url ?? '']
  if (handler !== undefined) return handler(request, response)
  response.statusCode = 404
  response.end('Not found.')
}

function respondLater(response: ServerResponse, ms: number): void {
  const timer = setTimeout(() => response.end('A late response.'), ms)
  response.on('close', () => clearTimeout(timer))
}

function* generateChunks(length: number): Generator<Buffer> {
  const chunk = Buffer.alloc(1 << 16, 'hawser')
  for (let sent = 0; sent < length; sent += chunk.length) yield chunk
}
