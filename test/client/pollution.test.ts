// A polluted Object.prototype changes nothing, from the import to the last byte: CVE-2026-25639.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createFetch } from '../../src/fetch/index.ts'
import { Client } from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { HAWSER, runChild } from './child.ts'

/** Uses most features of the client, and prints the results. */
const calls = `
  const record = (...words) => console.log(...words)
  const client = new hawser.Client({
    baseUrl: origin, auth: new hawser.DigestAuth('user', 'password'), headers: { 'x-client': '1' },
    params: { p: '1' }, cookies: { c: '1' }, timeout: { total: 20_000 }, retries: 1,
    eventHooks: { response: [({ status }) => record('hook', status)] },
  })
  const plain = await client.get('/redirect')
  record(plain.status, plain.text(), plain.history.length, plain.url.pathname)
  const json = await client.post('/echo', { json: { a: 1 }, onUploadProgress({ bytes }) { record(bytes) } })
  record(json.json())
  record((await client.post('/echo', { data: { a: ['1', '2'] } })).text())
  const files = { f: ['f.txt', 'file'], b: new Blob(['blob'], { __proto__: null, type: 'x/y' }) }
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  record((await client.post('/echo', { data: { a: '1' }, files, headers })).text())
  record((await client.post('/echo', { content: (function* () { yield 'by '; yield 'parts' })() })).text())
  const gzip = await client.stream('GET', '/gzip', { onDownloadProgress({ total }) { record(total) } })
  for await (const line of gzip.iterLines()) record(line)
  const stream = await client.stream('GET', '/gzip')
  for await (const chunk of stream.bodyStream()) record(Buffer.from(chunk).toString())
  record((await client.get('/gzip')).blob().type, (await client.get('/latin1')).text())
  const failed = await client.get('/cut').catch((error) => error)
  record(failed.name, failed.code, failed.phase, failed.request.url.pathname)
  const aborted = await client.get('/echo', { signal: AbortSignal.abort('stop') }).catch((reason) => reason)
  record(aborted, client.cookies.get('seen'), (await hawser.get(origin + '/gzip')).text())
  await client.close()
`

/**
 * Names of options that the calls do not give, and of properties that the runtime would read. Names
 * such as `auth`, `data` and `connect` are missing, because they break Node.js itself.
 */
const pollution = `
  const poison = {
    headers: { evil: 'yes' }, params: { evil: 'yes' }, cookies: { evil: 'yes' },
    followRedirects: false, baseUrl: 'http://evil.test', maxRedirects: 0, trustEnv: 'evil', uds: '/evil',
    poolLimits: { maxConnections: 0 }, maxResponseSize: 1, onConnect() { throw 'evil' }, trace() { throw 'evil' },
    content: 'evil', json: 'evil', files: { evil: 'evil' },
    onUploadProgress() { throw 'evil' }, onDownloadProgress() { throw 'evil' }, stream: true,
    body: 'evil', trailers: { evil: 'yes' }, copy: true, origin: 'http://evil.test', contentType: 'evil/evil',
    request: 'evil', response: 'evil', phase: 'evil', cause: 'evil', safeToRetry: 'evil', bytesSent: 'evil',
    pool: 1, total: 1, max: 1, domain: 'evil.test', filename: 'evil',
    fatal: true, type: 'evil', endings: 'evil', autoAllocateChunkSize: 7,
    dictionary: 'evil', maxOutputLength: 1, finishFlush: 0, params: {},
    name: 'evil', message: 'evil', callSettings: {}, rel: 'evil', next: 'evil', evil: 'evil',
  }
  for (const name of Object.keys(poison)) {
    Object.defineProperty(Object.prototype, name, { value: poison[name], writable: true, configurable: true, enumerable: false })
  }
`

const program = (origin: string, when: 'never' | 'before' | 'after') => `
  const origin = ${JSON.stringify(origin)}
  ${when === 'before' ? pollution : ''}
  const hawser = await import(${HAWSER})
  ${when === 'after' ? pollution : ''}
  ${calls}
`

describe('22 calls with most features', () => {
  for (const when of ['before', 'after'] as const) {
    test(`22 polluted ${when} the import`, async (t) => {
      const { origin } = await httpServer(t, async (request, response) => {
        const { pathname } = new URL(request.url ?? '', 'http://h')
        const content = await text(request)
        response.setHeader('set-cookie', 'seen=yes')
        if (!request.headers.authorization && request.headers.cookie) {
          response.setHeader('www-authenticate', 'Digest realm="r", nonce="n", qop="auth"')
          return void response.writeHead(401).end()
        }
        switch (pathname) {
          case '/redirect':
            return void response.writeHead(302, { location: '/target' }).end()
          case '/gzip':
            return void response
              .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
              .end(gzipSync(Buffer.from('one\ntwo\xff', 'latin1')))
          case '/latin1':
            return void response
              .writeHead(200, { 'content-type': 'text/plain; charset=latin1' })
              .end(Buffer.of(0x80))
          case '/cut':
            response.writeHead(200, { 'content-length': 5 }).write('abc')
            return void setImmediate(() => request.socket.destroySoon())
        }
        const { authorization, ...headers } = request.headers
        response.setHeader('content-type', 'application/json')
        const { method, url } = request
        response.end(JSON.stringify({ method, url, headers, content }))
      })
      const expected = await runChild(program(origin, 'never'))
      assert.equal(expected.status, 0, expected.errors)
      assert.match(expected.output, /^hook 401\nhook 302\n/)
      assert.match(expected.output, /one\ntwo\ufffd/)
      assert.match(expected.output, /text\/plain €\n/)
      assert.match(expected.output, /stop yes one\ntwo\ufffd$/)
      assert.deepEqual(await runChild(program(origin, when)), expected)
    })
  }
})

test('22 get and set, which would turn property descriptors into accessors', async (t) => {
  const { origin } = await httpServer(t, (_, response) => response.end('ok'))
  const fetch = createFetch()
  const response = await fetch(origin)
  const evil = () => 'evil'
  const { headers } = withPollutedPrototype({ get: evil, set: evil }, () => ({
    headers: response.headers,
  }))
  assert.equal(headers.get('content-length'), '2')
  assert.equal(await response.text(), 'ok')
  await fetch.close()
})

test('names that break Node.js itself do not affect the construction of clients and requests', () => {
  const poison = {
    auth: ['evil', 'evil'],
    data: { evil: 'yes' },
    connect: 1,
    read: 1,
    signal: AbortSignal.abort(),
    timeout: 1,
    backend: 'evil',
    lookup: 'evil',
    localAddress: 'evil',
    retries: 'evil',
    eventHooks: 'evil',
  }
  const request = withPollutedPrototype(poison, () => {
    const client = new Client({})
    return client.buildRequest('POST', 'http://h.test/', { headers: {} })
  })
  assert.equal(request.content, null)
  assert.equal(request.headers.get('authorization'), null)
})
