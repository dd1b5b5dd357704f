// An HTTP proxy and a SOCKS proxy for millions of requests. Unlike test/support/proxies.ts, they
// record nothing.
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/**
 * A proxy that forwards requests and opens tunnels. It connects to loopback for every host name.
 */
export function httpProxy(): Server {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 32 })
  const server = createHttpServer((request, response) => {
    const { port, pathname } = new URL(request.url!)
    const { 'proxy-connection': _, connection, ...headers } = request.headers
    const onward = httpRequest({ port, path: pathname, method: request.method!, headers, agent })
    onward.on(
      'information',
      ({ statusCode }) => statusCode === 103 && response.writeEarlyHints({ link: '<a>' }),
    )
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.on('error', () => response.destroy()).pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.on('error', () => onward.destroy()).pipe(onward)
  })
  server.on('connect', (request, client: Socket, first: Buffer) => {
    join(client, Number(request.url!.split(':').at(-1)), 'HTTP/1.1 200 Connected\r\n\r\n', first)
  })
  return server
}

/** A SOCKS 5 proxy without authentication. RFC 1928 */
export function socksProxy(): Server {
  return createServer({ noDelay: true }, (client) => {
    let held = Buffer.alloc(0)
    let greeted = false
    client.on('error', () => client.destroy())
    client.on('data', function read(bytes: Buffer) {
      held = Buffer.concat([held, bytes])
      if (!greeted && held.length >= 2 && held.length >= 2 + held[1]!) {
        held = held.subarray(2 + held[1]!)
        greeted = true
        client.write(Buffer.of(5, 0))
      }
      const end = greeted ? endOfRequest(held) : Number.POSITIVE_INFINITY
      if (held.length < end) return
      client.off('data', read).pause()
      const port = held.readUInt16BE(end - 2)
      join(client, port, Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 80), held.subarray(end))
    })
  })
}

function endOfRequest(held: Buffer): number {
  if (held.length < 5) return Number.POSITIVE_INFINITY
  const address = { 1: 4, 3: 1 + held[4]!, 4: 16 }[held[3]!] ?? 255
  return 4 + address + 2
}

/** Passes bytes in both directions until one of the sockets closes. */
function join(client: Socket, port: number, reply: string | Buffer, first: Buffer): void {
  const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
  const over = () => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', over).on('close', over)
  upstream.once('connect', () => {
    client.write(reply)
    if (first.length > 0) upstream.write(first)
    client.pipe(upstream)
    upstream.pipe(client)
  })
}
