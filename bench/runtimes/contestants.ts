import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'

/** Opens a client, and resolves with what makes one request and reads its answer whole. */
type Open = (origin: string) => Promise<() => Promise<void>>

const BODY = '0123456789abcdef'.repeat(5).slice(0, 65)

/** What is called, alike in each of its shapes. */
const listener: Parameters<typeof createServer>[1] = (_, response) => {
  response.setHeader('content-type', 'text/plain')
  response.end(BODY)
}

/** With the runtime's own sockets, or with those of `node:net`, over the network's loopback. */
function pool(backend: 'auto' | 'node'): Open {
  return async (origin) => {
    const pool = new ConnectionPool({ backend })
    return async () => {
      const response = await pool.request({ origin, path: '/65b', method: 'GET' })
      check(response.status, (await response.bytes()).length)
    }
  }
}

function client(options: ConstructorParameters<typeof Client>[0], url: string) {
  const client = new Client({ trustEnv: false, ...options })
  return async () => {
    const response = await client.get(url)
    check(response.status, response.bytes().length)
  }
}

export const contestants: Record<string, Open> = {
  'pool, own sockets': pool('auto'),
  'pool, node:net': pool('node'),

  async fetch(origin) {
    const url = `${origin}/65b`
    return async () => {
      const response = await fetch(url)
      check(response.status, (await response.arrayBuffer()).byteLength)
    }
  },

  'app: listener': async () => client({ app: listener }, 'http://app.test/'),

  'app: fetch handler': async () => {
    const app = (_: Request) => new Response(BODY, { headers: { 'content-type': 'text/plain' } })
    return client({ app }, 'http://app.test/')
  },

  'light-my-request': async () => {
    const { default: inject } = await import('light-my-request')
    return async () => {
      const { statusCode, rawPayload } = await inject(listener as never, {
        method: 'GET',
        url: '/',
      })
      check(statusCode, rawPayload.length)
    }
  },

  /** Client and server in one process, as where an app is tested over the network. */
  'loopback TCP': async () => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return client({}, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  },
}

function check(status: number, length: number): void {
  if (status !== 200 || length !== 65) throw new Error(`status ${status}, ${length} bytes`)
}
