// Makes each call with axios' adapter for Node and with the adapter of the example, and compares
// the results.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { AxiosError, AxiosInstance } from 'axios'
import axios from 'axios'
import { Client } from 'hawser'
import { hawserAdapter } from '../../docs/examples/axios-adapter.ts'

const server = createServer(async (request, response) => {
  const { method, url = '', headers } = request
  if (url.startsWith('/never')) return
  if (url.startsWith('/moved')) return void response.writeHead(302, { location: '/echo' }).end()
  if (url.startsWith('/large')) return void response.end(Buffer.alloc(100_000, 'x'))
  const status = /\/status\/(\d+)/.exec(url)?.[1] ?? '200'
  const text = Buffer.concat(await request.toArray()).toString()
  const body = text.replace(/(?<=--)[-\w]{8,}/g, 'boundary')
  const type = headers['content-type']?.replace(/(?<=boundary=).*/, '')
  const { authorization, 'x-app': app } = headers
  response.writeHead(Number(status), { 'content-type': 'application/json', 'x-seen': '1' })
  response.end(JSON.stringify({ method, url, body, type, authorization, app }))
})
let origin = ''
const client = new Client({ trustEnv: false })

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(async () => {
  server.close()
  server.closeAllConnections()
  await client.close()
})

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => assert.fail('the call did not fail'),
    (error: AxiosError) => error,
  )

function form(): FormData {
  const data = new FormData()
  data.append('a', '1')
  data.append('file', new Blob(['text'], { type: 'text/plain' }), 'a.txt')
  return data
}

const calls: Record<string, (api: AxiosInstance) => Promise<unknown>> = {
  'a GET with params': async (api) => (await api.get('/echo', { params: { a: [1, 2] } })).data,
  JSON: async (api) => (await api.post('/echo', { a: 1 })).data,
  'a form': async (api) => (await api.post('/echo', new URLSearchParams({ a: '1' }))).data,
  bytes: async (api) => (await api.put('/echo', Buffer.from('bytes'))).data,
  'user and password': async (api) =>
    (await api.get('/echo', { auth: { username: 'ada', password: 'secret' } })).data,
  'status and headers': async (api) => {
    const { status, statusText, headers } = await api.delete('/echo')
    return [status, statusText, headers['x-seen'], headers['content-type']]
  },
  'a redirect': async (api) => (await api.get('/moved')).data,
  'a redirect that is not followed': async (api) => {
    const { response, code } = await failureOf(api.get('/moved', { maxRedirects: 0 }))
    return [response?.status, response?.headers.location, code]
  },
  '404 and 500': async (api) => {
    const failures = [
      await failureOf(api.get('/status/404')),
      await failureOf(api.get('/status/500')),
    ]
    return failures.map((error) => [
      ...[axios.isAxiosError(error), error.code, error.message, error.response?.status],
      (error.response?.data as { url?: string } | undefined)?.url,
    ])
  },
  'a custom validateStatus': async (api) =>
    (await api.get('/status/404', { validateStatus: (status) => status < 500 })).status,
  'a timeout': async (api) =>
    axios.isAxiosError(await failureOf(api.get('/never', { timeout: 50 }))),
  'a cancelled call': async (api) => {
    const controller = new AbortController()
    const failed = failureOf(api.get('/never', { signal: controller.signal }))
    setImmediate(() => controller.abort())
    const error = await failed
    return [axios.isCancel(error), error.code]
  },
  'a response as bytes': async (api) => {
    const { data } = await api.get('/large', { responseType: 'arraybuffer' })
    return [Buffer.isBuffer(data), data.length]
  },
  'a response as a stream': async (api) => {
    const { data } = await api.get('/large', { responseType: 'stream' })
    let length = 0
    for await (const chunk of data) length += chunk.length
    return length
  },
  progress: async (api) => {
    let loaded = 0
    const onDownloadProgress = (event: { loaded: number }) => {
      loaded = event.loaded
    }
    await api.get('/large', { onDownloadProgress })
    return loaded
  },
  'a refused connection': async (api) =>
    axios.isAxiosError(await failureOf(api.get('http://127.0.0.1:1/'))),
}

describe('the adapter gives the same result as axios for', () => {
  for (const [what, call] of Object.entries(calls)) {
    test(what, async () => {
      const defaults = { baseURL: origin, headers: { 'x-app': 'me' }, proxy: false } as const
      const expected = await call(axios.create({ ...defaults, adapter: 'http' }))
      const actual = await call(axios.create({ ...defaults, adapter: hawserAdapter(client) }))
      assert.deepEqual(actual, expected)
    })
  }
})

test('all parts of a FormData are sent', async () => {
  const api = axios.create({ baseURL: origin, adapter: hawserAdapter(client) })
  const { type, body } = (await api.post('/echo', form())).data
  assert.equal(type, 'multipart/form-data; boundary=')
  assert.match(body, /name="a"\r\n\r\n1\r\n.*name="file"; filename="a.txt"\r\n/s)
})
