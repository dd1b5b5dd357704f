import { once } from 'node:events'
import net from 'node:net'

/**
 * A proxy that opens tunnels and does nothing else. Bytes go through it unread, so that it takes as
 * little as it can of the core that it shares with the server. @returns its URL
 */
export async function startTunnels(): Promise<string> {
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
