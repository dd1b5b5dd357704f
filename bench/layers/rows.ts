import { gzipSync } from 'node:zlib'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions } from '../../src/index.ts'
import { Client, MockDispatcher } from '../../src/index.ts'
import type { Contestant } from '../contestants/contestant.ts'
import type { Done } from '../contestants/runners.ts'
import { callbackRunner, promiseRunner } from '../contestants/runners.ts'
import { answeringBackend } from './backend.ts'

/** Number of requests in flight, and of connections. */
export const CONCURRENCY = 50

/** A call that is measured. */
interface Row {
  /** The description of the call in the table. */
  readonly title: string
  open(): Contestant
}

const ORIGIN = 'http://127.0.0.1'
const SMALL = 'x'.repeat(65)
const MEDIUM = 'x'.repeat(4096)
const LARGE = 'x'.repeat(65_536)
const HUGE = 'x'.repeat(1 << 20)
const USER = JSON.stringify({ id: 7, name: 'Ada', email: 'ada@example.com', active: true })
const POST_BODY = Buffer.alloc(1024, 'a')
const POST_HEADERS = { 'content-type': 'application/json' }
const ACCEPT = ['accept', '*/*']
const JSON_TYPE = ['content-type', 'application/json']
const limits = { maxConnections: CONCURRENCY }

/** All measured calls by name. Each checks its response. */
export const rows: Readonly<Record<string, Row>> = {
  dispatch: {
    title: 'pool.dispatch, GET',
    open: () => dispatchRow(SMALL),
  },
  request: {
    title: 'pool.request, GET',
    open: () => requestRow(SMALL, get),
  },
  'request-post-1k': {
    title: 'pool.request, POST of 1 KB with one header',
    open: () => requestRow(SMALL, post),
  },
  'client-get': {
    title: 'client.get',
    open: () => clientRow((client) => client.get('/')),
  },
  'client-post-1k': {
    title: 'client.post of 1 KB with one header',
    open: () =>
      clientRow((client) => client.post('/', { content: POST_BODY, headers: POST_HEADERS })),
  },
  'client-options': {
    title: 'client.get with headers, params and a timeout',
    open() {
      const headers = { 'x-request-id': 'abc' }
      const params = { q: 'a b' }
      const timeout = { read: 1000 }
      return clientRow((client) => client.get('/users/7', { headers, params, timeout }))
    },
  },
  'client-signal': {
    title: 'client.get with a signal shared by all requests',
    open() {
      const { signal } = new AbortController()
      return clientRow((client) => client.get('/', { signal }))
    },
  },
  'client-cookies': {
    title: 'client.get with five cookies in the cookie jar',
    open: () => clientRow((client) => client.get('/'), clientWithCookies(5)),
  },
  'client-json': {
    title: 'client.post of JSON, response.json()',
    open() {
      const client = clientOn(responseOf(USER, 'application/json'))
      const json = { id: 7, name: 'Ada' }
      const sendRequest = async () => {
        const response = await client.post('/users', { json })
        checkResponse(response.status, response.json<{ id: number }>().id, 7)
      }
      return { run: promiseRunner(sendRequest), close: () => client.close() }
    },
  },
  'client-gzip': {
    title: 'client.get of 2 KB of JSON as gzip, response.json()',
    open() {
      const users = Array.from({ length: 32 }, (_, id) => ({ id, name: `Ada ${id * 7919}` }))
      const content = gzipSync(JSON.stringify(users)).toString('latin1')
      const fields = ['Content-Encoding: gzip']
      const client = clientOn(responseOf(content, 'application/json', fields))
      const sendRequest = async () => {
        const response = await client.get('/users')
        checkResponse(response.status, response.json<unknown[]>().length, users.length)
      }
      return { run: promiseRunner(sendRequest), close: () => client.close() }
    },
  },
  fetch: {
    title: 'fetch of hawser/fetch, arrayBuffer()',
    open: () => fetchRow(SMALL),
  },
  app: {
    title: 'client.get, answered by a fetch handler in the same process',
    open() {
      const headers = { 'content-type': 'text/plain' }
      const app = (_request: Request) => new Response(SMALL, { headers })
      return clientRow((client) => client.get('/'), newClient({ app }))
    },
  },
  mock: {
    title: 'client.get, answered by a MockDispatcher',
    open() {
      const dispatcher = new MockDispatcher(() => ({ text: SMALL }))
      return clientRow((client) => client.get('/'), newClient({ dispatcher }))
    },
  },
  'dispatch-64k': {
    title: 'pool.dispatch, GET of 64 KB in borrowed chunks',
    open: () => dispatchRow(LARGE),
  },
  'request-64k': {
    title: 'pool.request, GET of 64 KB, bytes()',
    open: () => requestRow(LARGE, get),
  },
  'request-4k': {
    title: 'pool.request, GET of 4 KB, bytes()',
    open: () => requestRow(MEDIUM, get),
  },
  'request-1m': {
    title: 'pool.request, GET of 1 MB, bytes()',
    open: () => requestRow(HUGE, get),
  },
  'fetch-1m': {
    title: 'fetch of 1 MB, arrayBuffer()',
    open: () => fetchRow(HUGE),
  },
}

/** Formats a response with the fields that nginx sends for a file. */
function responseOf(body: string, type = 'text/plain', fields: string[] = []): Buffer {
  const lines = [
    'HTTP/1.1 200 OK',
    'Server: nginx/1.22.1',
    'Date: Tue, 01 Dec 2026 03:27:00 GMT',
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    'Last-Modified: Tue, 01 Dec 2026 03:27:00 GMT',
    'Connection: keep-alive',
    'ETag: "6a1b2c3d-41"',
    'Accept-Ranges: bytes',
    ...fields,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

function poolOn(response: Buffer): ConnectionPool {
  return new ConnectionPool({ backend: answeringBackend(response), limits })
}

function newClient(options: ClientOptions): Client {
  return new Client({ baseUrl: ORIGIN, trustEnv: false, ...options })
}

function clientOn(response: Buffer): Client {
  return newClient({ backend: answeringBackend(response), poolLimits: limits })
}

function clientWithCookies(count: number): Client {
  const client = clientOn(responseOf(SMALL))
  for (let i = 0; i < count; i++) {
    client.cookies.jar.setCookieSync(`name${i}=value-${i}; Path=/`, ORIGIN)
  }
  return client
}

function dispatchRow(body: string): Contestant {
  const pool = poolOn(responseOf(body))
  const start = (done: Done) => {
    const handler = new Counter(body.length, done)
    pool.dispatch({ origin: ORIGIN, path: '/', method: 'GET', headers: ACCEPT }, handler)
  }
  return { run: callbackRunner(start), close: () => pool.close() }
}

/** Counts the body bytes of one response. */
class Counter {
  #status = 0
  #received = 0
  readonly #expected: number
  readonly #done: Done

  constructor(expected: number, done: Done) {
    this.#expected = expected
    this.#done = done
  }

  onHead(head: { status: number }) {
    this.#status = head.status
  }

  onData(chunk: Uint8Array): undefined {
    this.#received += chunk.byteLength
  }

  onEnd() {
    this.#done(responseError(this.#status, this.#received, this.#expected))
  }

  onError(error: unknown) {
    this.#done(error)
  }
}

type SendWithPool = (pool: ConnectionPool) => ReturnType<ConnectionPool['request']>

// These are object literals because V8 takes more time to copy an object with `{ ...given, path }`
// than the pool takes for the request.
const get: SendWithPool = (pool) =>
  pool.request({ origin: ORIGIN, path: '/', method: 'GET', headers: ACCEPT })
const post: SendWithPool = (pool) =>
  pool.request({
    origin: ORIGIN,
    path: '/',
    method: 'POST',
    headers: JSON_TYPE,
    body: POST_BODY,
  })

function requestRow(body: string, send: SendWithPool): Contestant {
  const pool = poolOn(responseOf(body))
  const sendRequest = async () => {
    const response = await send(pool)
    checkResponse(response.status, (await response.bytes()).byteLength, body.length)
  }
  return { run: promiseRunner(sendRequest), close: () => pool.close() }
}

type SendWithClient = (client: Client) => Promise<{ readonly status: number; bytes(): Uint8Array }>

function clientRow(send: SendWithClient, client = clientOn(responseOf(SMALL))): Contestant {
  const sendRequest = async () => {
    const response = await send(client)
    checkResponse(response.status, response.bytes().byteLength, SMALL.length)
  }
  return { run: promiseRunner(sendRequest), close: () => client.close() }
}

function fetchRow(body: string): Contestant {
  const backend = answeringBackend(responseOf(body))
  const fetch = createFetch({ backend, trustEnv: false, poolLimits: limits })
  const sendRequest = async () => {
    const response = await fetch(`${ORIGIN}/`)
    checkResponse(response.status, (await response.arrayBuffer()).byteLength, body.length)
  }
  return { run: promiseRunner(sendRequest), close: () => fetch.close() }
}

function checkResponse(status: number, value: number, expected: number): void {
  const error = responseError(status, value, expected)
  if (error !== undefined) throw error
}

function responseError(status: number, value: number, expected: number): Error | undefined {
  if (status === 200 && value === expected) return undefined
  return new Error(`got status ${status} and ${value}, expected 200 and ${expected}`)
}
