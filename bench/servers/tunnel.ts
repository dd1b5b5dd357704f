import { once } from 'node:events'
import net from 'node:net'

/**
 * Starts a proxy that supports only CONNECT, and returns its URL. It passes bytes on unread,
 * because it shares a core with the server.
 */
export async function startTunnelProxy(): Promise<string> {
  const server = net.createServer({ noDelay: true }, (client) => {
    client.on('error', () => client.destroy())
    client.once('data', (head) => {
      const [, host, port] = /^CONNECT ([^:]+):(\d+) /.exec(head.toString('latin1')) ?? []
      const upstream = net.connect({ host: host ?? '', port: Number(port), noDelay: true })
      upstream.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
      upstream.once('connect', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        client.pipe(upstream).pipe(client)
      })
    })
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`
}
