// A program that finds the properties that Hawser reads from `Object.prototype`: it has a getter for
// each name, and records who calls it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DispatchHandler } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import {
  Client,
  Cookies,
  DigestAuth,
  HTTPStatusError,
  MockDispatcher,
  publicAddressesOnly,
} from '../../src/index.ts'
import type { Servers } from './polluted-calls.ts'
import { ALL_CALLS, outcomesOf } from './polluted-calls.ts'

const sources = fileURLToPath(new URL('../../../src/', import.meta.url))
/** The compiled sources. */
const compiled = new URL('../../src/', import.meta.url).href

/**
 * Names that the language itself reads: of property descriptors, promises and iterators. No program
 * works while they are on `Object.prototype`.
 */
const NAMES_OF_LANGUAGE = new Set([
  ...['get', 'set', 'value', 'writable', 'enumerable', 'configurable'],
  ...['then', 'next', 'done', 'return', 'throw'],
])

/** Functions that read an inherited property, and then check that it is not of `Object.prototype`. */
const CHECKED_READS =
  /^\s*at (?:memberOf|ownValue|hideInheritedBlockList|wantsCopies|#admit|\S+\.#admit) /

/** Returns each word of the sources, which includes each name of a property, and some indices. */
function namesInSources(): string[] {
  const names = new Set<string>(Array.from({ length: 40 }, (_, index) => String(index)))
  for (const path of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.generated.ts')) continue
    for (const [word] of readFileSync(join(sources, path), 'utf8').matchAll(/[A-Za-z_$][\w$]*/g)) {
      names.add(word)
    }
  }
  return [...names].filter((name) => !(name in Object.prototype || NAMES_OF_LANGUAGE.has(name)))
}

/** Returns `NAME at PLACE` for each read of `Object.prototype` in the sources during the calls. */
export async function readsOf(servers: Servers): Promise<{ names: number; reads: string[] }> {
  await allCalls(servers) // loads all modules
  const names = namesInSources()
  const reads = new Set<string>()
  let isRecording = true
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      configurable: true,
      get() {
        if (!isRecording) return undefined
        isRecording = false
        const [, , frame = ''] = (new Error().stack ?? '').split('\n')
        isRecording = true
        if (frame.includes(compiled) && !CHECKED_READS.test(frame)) {
          reads.add(`${name}${frame.replace(compiled, '').replace(/^\s*/, ' ')}`)
        }
        return undefined
      },
      set(value) {
        Object.defineProperty(this, name, {
          __proto__: null,
          value,
          writable: true,
          enumerable: true,
          configurable: true,
        } as PropertyDescriptor)
      },
    })
  }
  try {
    await allCalls(servers)
  } finally {
    isRecording = false
    for (const name of names) Reflect.deleteProperty(Object.prototype, name)
  }
  return { names: names.length, reads: [...reads].sort() }
}

async function allCalls(servers: Servers): Promise<void> {
  await outcomesOf(servers, ALL_CALLS)
  await clientCalls(servers.plain)
  await engineCalls(servers.plain)
  await refusedCalls(servers)
  await fetchCalls(servers.plain)
}

async function clientCalls(origin: string): Promise<void> {
  const client = new Client({
    baseUrl: origin,
    auth: new DigestAuth('user', 'password'),
    cookies: { c: '1' },
    params: { p: '1' },
    headers: { 'x-client': '1' },
    timeout: { total: 20_000 },
    poolLimits: { maxConnections: 1 },
    onConnect: publicAddressesOnly({ allow: ['127.0.0.0/8', '::1/128'] }),
    retries: 1,
    trace() {},
    eventHooks: { request: [() => {}], response: [() => {}] },
  })
  await Promise.all([client.get('/'), client.get('/close'), client.get('/'), client.get('/close')])
  const response = await client.get('/redirect', { headers: [['a', 'b']], params: [['q', '1']] })
  response.raiseForStatus()
  response.headers.toJSON()
  await client.get('/challenge')
  const files = { f: ['f.txt', 'file', 'text/plain'], g: new Blob(['blob']) } as const
  await client.post('/', { data: { a: ['1', '2'] }, files })
  await client.post('/', { data: {}, files: {} })
  await client.post('/', { data: { a: '1' } })
  await client.put('/', { content: '', onUploadProgress() {}, onDownloadProgress() {} })
  client.cookies.get('nothing')
  client.cookies.set('a', 'b', { domain: 'h.test' })
  client.cookies.get('a')
  client.cookies.delete('a')
  const stream = await client.stream('GET', '/large')
  for await (const _ of stream.iterBytes()) break
  await client.get('/unavailable').catch((error: unknown) => error instanceof HTTPStatusError)
  await client.get('http://127.0.0.1:1/').catch(() => {})
  await client.get('/', { signal: AbortSignal.abort() }).catch(() => {})
  new Cookies(client.cookies)
  await client.close()
  const app = new Client({ app: (request: Request) => new Response(request.method) })
  await app.post('http://app.test/', { json: { a: 1 } })
  await app.close()
  const listener = new Client({
    app(_: import('node:http').IncomingMessage, answer: import('node:http').ServerResponse) {
      answer.end('ok')
    },
  })
  await listener.get('http://app.test/')
  await listener.close()
}

async function engineCalls(origin: string): Promise<void> {
  const pool = new ConnectionPool()
  const response = await pool.request({ origin, path: '/', headers: { a: 'b' } })
  await response.text()
  await new Promise<void>((resolve, reject) => {
    const handler: DispatchHandler = {
      onHead() {},
      onData() {},
      onEnd: () => resolve(),
      onError: reject,
    }
    pool.dispatch({ origin, path: '/' }, handler)
  })
  await pool.close()
  const mock = new MockDispatcher(() => ({ status: 200, text: 'ok' }))
  await (await mock.request({ origin: 'http://h.test', path: '/' })).text()
  await mock.close()
}

/** A server that refuses tunnels, and sends a 103 before an answer that switches protocols. */
async function refusedCalls({ plain, proxy }: Servers): Promise<void> {
  const client = new Client({ proxies: proxy })
  await client.get('https://127.0.0.1:1/').catch(() => {})
  await client.close()
  const socks = new Client({ proxies: proxy.replace('http:', 'socks5:') })
  await socks.get('https://127.0.0.1:1/').catch(() => {})
  await socks.close()
  const pool = new ConnectionPool()
  await new Promise<unknown>((resolve) => {
    const handler: DispatchHandler = { onHead() {}, onData() {}, onEnd: resolve, onError: resolve }
    const headers = ['Connection', 'Upgrade', 'Upgrade', 'echo']
    pool.dispatch({ origin: plain, path: '/', headers }, handler)
  })
  await (await pool.request({ origin: plain, path: '/hints' })).text()
  await pool.close()
}

async function fetchCalls(origin: string): Promise<void> {
  const fetch = createFetch()
  const response = await fetch(origin, { method: 'POST', body: 'text', headers: { a: 'b' } })
  await response.json().catch(() => {})
  await (await fetch(new Request(`${origin}/redirect`))).arrayBuffer()
  await fetch.close()
}
