// The servers. run.ts forks this process, which ends when run.ts ends.
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { certificateFor } from '../support/certificates.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
const OK = `${HEAD}Content-Length: 2\r\n\r\nok`

/** The start of a response, and the part that is repeated without end. */
const ENDLESS_RESPONSES = {
  headers: [HEAD, `X: ${'x'.repeat(1000)}\r\n`],
  informational: ['', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
  chunks: [CHUNKED, `1000\r\n${'x'.repeat(0x1000)}\r\n`],
  'chunk extensions': [`${CHUNKED}1;`, 'x'.repeat(4096)],
  trailers: [`${CHUNKED}0\r\n`, `X: ${'x'.repeat(1000)}\r\n`],
  'until close': [`${HEAD}\r\n`, 'x'.repeat(4096)],
  'empty lines': ['', '\r\n'.repeat(1000)],
} as const
export type EndlessKind = keyof typeof ENDLESS_RESPONSES
export const ENDLESS_KINDS = Object.keys(ENDLESS_RESPONSES) as EndlessKind[]

export type ServerKind = EndlessKind | 'gated' | 'numbered' | 'silent' | 'drip' | 'untrusted'
/** Ports on 127.0.0.1. */
export type Ports = Readonly<Record<ServerKind, number>>

let arrivals = 0

/** Calls `answer` with the head of each request. The requests have no content. */
function onRequest(socket: Socket, answer: (head: string) => void): void {
  let text = ''
  socket.on('data', (bytes: Buffer) => {
    const heads = (text + bytes.latin1Slice()).split('\r\n\r\n')
    text = heads.pop()!
    for (const head of heads) answer(head)
  })
}

/** Holds responses back after a request for `/close`, until one for `/open`. */
function passGate(socket: Socket, head: string): void {
  if (head.startsWith('GET /close ')) isOpen = false
  if (head.startsWith('GET /open ')) isOpen = true
  if (!isOpen && head.startsWith('GET / ')) held.push(socket)
  else socket.write(OK)
  if (isOpen) for (const one of held.splice(0)) one.write(OK)
}

let isOpen = true
const held: Socket[] = []

function repeat(socket: Socket, [first, again]: (typeof ENDLESS_RESPONSES)[EndlessKind]): void {
  if (first !== '') socket.write(first)
  const write = () => {
    for (let i = 0; i < 64 && !socket.destroyed; i++) {
      if (!socket.write(again)) return void socket.once('drain', write)
    }
    if (!socket.destroyed) setImmediate(write)
  }
  write()
}

const ACCEPT: Readonly<Record<Exclude<ServerKind, 'untrusted'>, (socket: Socket) => void>> = {
  gated: (socket) => onRequest(socket, (head) => passGate(socket, head)),
  numbered: (socket) =>
    onRequest(socket, () => {
      const number = String(arrivals++)
      socket.write(`${HEAD}Content-Length: ${number.length}\r\n\r\n${number}`)
    }),
  silent: (socket) => socket.resume(),
  drip: (socket) => {
    socket.write(`${HEAD}Content-Length: 1000000\r\n\r\n`)
    const timer = setInterval(() => socket.write('x'), 10)
    socket.on('close', () => clearInterval(timer)).resume()
  },
  ...(Object.fromEntries(
    ENDLESS_KINDS.map((kind) => [
      kind,
      (socket: Socket) => onRequest(socket, () => repeat(socket, ENDLESS_RESPONSES[kind])),
    ]),
  ) as Record<EndlessKind, (socket: Socket) => void>),
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1', 4096)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function start(): Promise<Ports> {
  const untrusted = createTlsServer(certificateFor(['127.0.0.1']), (socket) => socket.destroy())
  untrusted.on('tlsClientError', () => {})
  const ports: Record<string, number> = { untrusted: await listening(untrusted) }
  for (const [kind, accept] of Object.entries(ACCEPT)) {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => socket.destroy())
      accept(socket)
    })
    ports[kind] = await listening(server)
  }
  return ports as Ports
}

// Other modules import the types and names without running the servers.
if (process.send !== undefined) {
  process.on('disconnect', () => process.exit())
  process.on('SIGINT', () => {})
  process.send(await start())
}
