import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'

/** Creates a client. Resolves with a function that sends a request and reads the whole response. */
type Open = (origin: string) => Promise<() => Promise<void>>

const BODY = '0123456789abcdef'.repeat(5).slice(0, 65)

/** The app as a listener of `http.Server`. */
const listener: Parameters<typeof createServer>[1] = (_, response) => {
  response.setHeader('content-type', 'text/plain')
  response.end(BODY)
}

/** Creates a pool with the sockets of the runtime (`auto`) or of `node:net` (`node`). */
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

  /** Client and server in one process, as in tests that call an app over loopback TCP. */
  'loopback TCP': async () => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return client({}, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  },
}

function check(status: number, length: number): void {
  if (status !== 200 || length !== 65) {
    throw new Error(`got status ${status} and ${length} bytes, expected 200 and 65 bytes`)
  }
}
