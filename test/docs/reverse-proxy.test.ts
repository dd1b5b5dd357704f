import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer, request as nodeRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ConnectionPool } from 'hawser/engine'
import { reverseProxy } from '../../docs/examples/reverse-proxy.ts'

interface Test {
  after(end: () => unknown): void
}

async function listen(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a reverse proxy in front of `origin`. Returns its URL. */
async function proxyOf(t: Test, origin: RequestListener | string, pool = new ConnectionPool()) {
  t.after(() => pool.close())
  const url = typeof origin === 'string' ? origin : await listen(t, origin)
  return listen(t, reverseProxy(url, pool))
}

/** Starts a request. Returns the request and the promise of its response. */
function open(url: string, options: { method?: string; headers?: string[] } = {}) {
  const request = nodeRequest(url, { ...options, agent: false })
  const response = once(request, 'response').then(([response]) => response as IncomingMessage)
  response.catch(() => {}) // The test may abandon the request.
  return { request, response }
}

async function fetchWhole(url: string, options: { method?: string; headers?: string[] } = {}) {
  const { request, response } = open(url, options)
  request.end()
  const { statusCode, rawHeaders } = await response
  const body = Buffer.concat(await (await response).toArray()).toString()
  return { statusCode, rawHeaders, body }
}

test('forwards end-to-end fields, and no hop-by-hop fields', async (t) => {
  const url = await proxyOf(t, async (request, response) => {
    const { method, url, rawHeaders } = request
    response.writeHead(201, 'Made Here', [
      ...['Connection', 'x-hop', 'X-Hop', 'secret', 'Keep-Alive', 'timeout=60'],
      ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Kept', 'yes'],
    ])
    response.end(JSON.stringify({ method, url, rawHeaders }))
  })
  const answer = await fetchWhole(`${url}/p?q=1`, {
    method: 'DELETE',
    headers: [
      ...['Host', 'front.test', 'Connection', 'close, X-Gone', 'X-Gone', '1'],
      ...['TE', 'trailers', 'Proxy-Authorization', 'secret', 'X-Two', 'a', 'X-Two', 'b'],
    ],
  })
  assert.equal(answer.statusCode, 201)
  const names = answer.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  assert.deepEqual(
    names.filter((name) => name.startsWith('x-') || name === 'set-cookie'),
    ['set-cookie', 'set-cookie', 'x-kept'],
  )
  assert.ok(!answer.rawHeaders.includes('timeout=60'))
  const seen = JSON.parse(answer.body)
  assert.equal(`${seen.method} ${seen.url}`, 'DELETE /p?q=1')
  const [, host, ...fields] = seen.rawHeaders as string[]
  assert.match(host!, /^127\.0\.0\.1:\d+$/)
  assert.deepEqual(fields, [
    ...['X-Two', 'a', 'X-Two', 'b'],
    ...['x-forwarded-host', 'front.test', 'via', '1.1 proxy', 'x-forwarded-for', '127.0.0.1'],
  ])
})

test('streams in both directions at once', async (t) => {
  const url = await proxyOf(t, (request, response) => void request.pipe(response))
  const { request, response } = open(url, { method: 'POST' })
  request.write('one')
  const body = (await response)[Symbol.asyncIterator]()
  assert.equal(String((await body.next()).value), 'one')
  request.end('two')
  assert.equal(String((await body.next()).value), 'two')
  assert.equal((await body.next()).done, true)
})

test('pauses the origin while the client does not read', async (t) => {
  const size = 32 << 20
  const origin = await listen(t, (_, response) => void response.end(Buffer.alloc(size)))
  const pool = new ConnectionPool()
  t.after(() => pool.close())
  const proxy = reverseProxy(origin, pool)
  let full: () => void
  const whenFull = new Promise<void>((resolve) => {
    full = resolve
  })
  let peak = 0
  const url = await listen(t, (request, response: ServerResponse) => {
    const write = response.write.bind(response) as (chunk: Uint8Array) => boolean
    response.write = (chunk: Uint8Array) => {
      const takesMore = write(chunk)
      peak = Math.max(peak, response.writableLength)
      if (!takesMore) full()
      return takesMore
    }
    proxy(request, response)
  })
  const { request, response } = open(url)
  request.end()
  await whenFull
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  let length = 0
  for await (const chunk of await response) length += chunk.length
  assert.equal(length, size)
  assert.ok(peak < 1 << 20, `${peak} bytes were waiting in the proxy`)
})

test('reports timeouts, server errors and client errors with different statuses', async (t) => {
  const silent = await proxyOf(t, () => {}, new ConnectionPool({ timeouts: { read: 50 } }))
  assert.equal((await fetchWhole(silent)).statusCode, 504)
  const absent = await proxyOf(t, 'http://127.0.0.1:1')
  assert.equal((await fetchWhole(absent)).statusCode, 502)
  const rude = await proxyOf(t, (request) => void request.socket.end('no HTTP'))
  assert.equal((await fetchWhole(rude)).statusCode, 502)
  const fine = await proxyOf(t, (_, response) => void response.end('fine'))
  const { request, response } = open(fine)
  request.path = '/#fragment'
  request.end()
  assert.equal((await response).statusCode, 400)
})

test('a target with another host is still sent to the origin', async (t) => {
  const url = await proxyOf(t, ({ url, headers }, response) => {
    response.end(JSON.stringify([url, headers.host?.startsWith('127.0.0.1:')]))
  })
  const { request, response } = open(url)
  request.path = 'http://elsewhere.test/p'
  request.end()
  assert.equal(String(Buffer.concat(await (await response).toArray())), '["/p",true]')
})

test('a truncated body of the origin is truncated for the client', async (t) => {
  const url = await proxyOf(t, (_, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('half', () => response.destroy())
  })
  await assert.rejects(fetchWhole(url), { code: 'ECONNRESET' })
})

test('an early response to an upload arrives', async (t) => {
  const url = await proxyOf(t, (_, response) => {
    response.writeHead(413, { connection: 'close' }).end('too large')
  })
  const { request, response } = open(url, { method: 'POST' })
  request.write('the beginning')
  assert.equal((await response).statusCode, 413)
  assert.equal(Buffer.concat(await (await response).toArray()).toString(), 'too large')
  request.end()
})

test('a client that leaves ends the request at the origin', async (t) => {
  let arrived: (response: ServerResponse) => void
  const atOrigin = new Promise<ServerResponse>((resolve) => {
    arrived = resolve
  })
  const url = await proxyOf(t, (_, response) => arrived(response))
  const { request } = open(url)
  request.on('error', () => {})
  request.end()
  const response = await atOrigin
  request.destroy()
  await once(response, 'close')
})
