// Servers that close their connections without announcing it in the response. They run in a
// process of their own, which ends with its parent.
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { makeCertificate } from '../servers/certificate.ts'
import type { Addresses, Closing, Transport } from './messages.ts'
import { CLOSINGS } from './messages.ts'

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** In ms. */
const MAX_DELAY = 2

/** Answers each request on a connection, and closes it at the time that `closing` specifies. */
function serve(socket: Socket, closing: Closing): void {
  let received = ''
  let responses = 0
  const close = () => socket.end(() => socket.destroy())
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    received += bytes.latin1Slice()
    if (!isComplete(received) || socket.writableEnded) return
    received = ''
    responses++
    socket.write(RESPONSE)
    if (closing === 'every' || (closing === 'second' && responses % 2 === 0)) close()
    else if (closing === 'random' && responses === 1) afterDelay(Math.random() * MAX_DELAY, close)
  })
}

/** Whether the text is a whole request. The clients send one at a time. */
function isComplete(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
  if (length === undefined) return text.endsWith('\r\n0\r\n\r\n')
  return text.length === headEnd + 4 + Number(length)
}

/** Polls, because a timer counts in whole milliseconds. */
function afterDelay(ms: number, callback: () => void): void {
  const due = performance.now() + ms
  const check = () => {
    if (performance.now() < due) setImmediate(check)
    else callback()
  }
  setImmediate(check)
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

process.on('disconnect', () => process.exit())
const certificate = makeCertificate()
const ports = { plain: {}, TLS: {} } as Record<Transport, Record<Closing, number>>
for (const closing of CLOSINGS) {
  const onSocket = (socket: Socket) => serve(socket, closing)
  ports.plain[closing] = await listen(createServer({ noDelay: true }, onSocket))
  const options = { ...certificate, noDelay: true }
  ports.TLS[closing] = await listen(createTlsServer(options, onSocket))
}
process.send?.({ ca: certificate.cert, ports } satisfies Addresses)
