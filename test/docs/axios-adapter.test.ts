// Makes each call with axios' adapter for Node and with the adapter of the example, and compares
// the results.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { AxiosError, AxiosInstance, AxiosRequestConfig } from 'axios'
import axios from 'axios'
import { Client } from 'hawser'
import { hawserAdapter } from '../../docs/examples/axios-adapter.ts'

const server = createServer(async (request, response) => {
  const { method, url = '', headers } = request
  if (url.startsWith('/never')) return
  if (url.startsWith('/moved')) return void response.writeHead(302, { location: '/echo' }).end()
  if (url.startsWith('/large')) return void response.end(Buffer.alloc(100_000, 'x'))
  if (url.startsWith('/latin1')) return void response.end(Buffer.from('\xe9t\xe9', 'latin1'))
  if (url.startsWith('/bom')) return void response.end('\ufefftext')
  if (url.startsWith('/stalls')) return void response.writeHead(200).write('part')
  if (url.startsWith('/gzip')) {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    return void response.end(gzipSync(Buffer.alloc(1000, 'x')))
  }
  const status = /\/status\/(\d+)/.exec(url)?.[1] ?? '200'
  const chunks = await request.toArray().catch(() => null)
  if (chunks === null) return // the upload was ended
  const text = Buffer.concat(chunks).toString()
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
  'a refused connection': async (api) => {
    const error = await failureOf(api.get('http://127.0.0.1:1/'))
    return [axios.isAxiosError(error), error.code]
  },
  'a form of axios': async (api) => {
    const { type, body } = (await api.postForm('/echo', { a: '1', b: '2' })).data
    return [type, body.match(/name="\w"/g)]
  },
}

/** What a failed call tells. */
async function described(call: Promise<unknown>) {
  const { name, code, message, response } = await failureOf(call)
  return [name, code, message, response?.status]
}

const source = () => Readable.from([Buffer.alloc(60), Buffer.alloc(60)])

/** Calls with each option that the adapter honours. */
const honoured: Record<string, (api: AxiosInstance) => Promise<unknown>> = {
  data: async (api) => (await api.post('/echo', 'text')).data,
  headers: async (api) => (await api.get('/echo', { headers: { 'X-App': 'you' } })).data,
  method: async (api) => (await api.request({ url: '/echo', method: 'patch' })).data,
  auth: async (api) => {
    const headers = { authorization: 'other' }
    return (await api.get('/echo', { auth: { username: 'ada', password: '' }, headers })).data
  },
  timeout: (api) => described(api.get('/never', { timeout: 50 })),
  timeoutErrorMessage: (api) =>
    described(api.get('/never', { timeout: 50, timeoutErrorMessage: 'too slow' })),
  transitional: (api) =>
    described(api.get('/never', { timeout: 50, transitional: { clarifyTimeoutError: true } })),
  responseType: async (api) => {
    const { data } = await api.get('/large', { responseType: 'arraybuffer' })
    return [Buffer.isBuffer(data), data.length]
  },
  responseEncoding: async (api) => {
    const latin1 = await api.get('/latin1', { responseEncoding: 'latin1' })
    const base64 = await api.get('/latin1', { responseEncoding: 'base64' })
    return [latin1.data, base64.data, (await api.get('/bom')).data]
  },
  onUploadProgress: async (api) => {
    let loaded = 0
    const onUploadProgress = (event: { loaded: number }) => {
      loaded = event.loaded
    }
    await api.post('/echo', Buffer.alloc(1000), { onUploadProgress })
    return loaded
  },
  onDownloadProgress: async (api) => {
    let loaded = 0
    const onDownloadProgress = (event: { loaded: number }) => {
      loaded = event.loaded
    }
    await api.get('/large', { onDownloadProgress })
    return loaded
  },
  maxContentLength: async (api) => [
    (await api.get('/gzip', { maxContentLength: 1000 })).data.length,
    await described(api.get('/gzip', { maxContentLength: 999 })),
    await described(api.get('/large', { maxContentLength: 10 })),
    await described(
      api
        .get('/large', { maxContentLength: 10, responseType: 'stream' })
        .then(({ data }) => data.toArray()),
    ),
  ],
  maxBodyLength: async (api) => [
    (await api.post('/echo', 'é'.repeat(5), { maxBodyLength: 10 })).data.body,
    await described(api.post('/echo', 'é'.repeat(5), { maxBodyLength: 9 })),
    await described(api.post('/echo', Buffer.alloc(10), { maxBodyLength: 9 })),
    (await api.post('/echo', source(), { maxBodyLength: 120 })).data.body.length,
    await described(api.post('/echo', source(), { maxBodyLength: 119, maxRedirects: 0 })),
    (await api.post('/echo', form(), { maxBodyLength: 10_000 })).data.type,
    (await described(api.post('/echo', form(), { maxBodyLength: 9, maxRedirects: 0 })))[2],
    (await described(api.postForm('/echo', { a: '1' }, { maxBodyLength: 9, maxRedirects: 0 })))[2],
  ],
  decompress: async (api) => {
    const raw = await api.get('/gzip', { decompress: false, responseType: 'arraybuffer' })
    const decoded = await api.get('/gzip')
    return [
      raw.headers['content-encoding'],
      Buffer.compare(raw.data, gzipSync(Buffer.alloc(1000, 'x'))),
      decoded.headers['content-encoding'],
      decoded.data.length,
    ]
  },
  validateStatus: async (api) => [
    (await api.get('/status/404', { validateStatus: (status) => status < 500 })).status,
    (await api.get('/status/404', { validateStatus: null })).status,
    await described(api.get('/echo', { validateStatus: () => false })),
  ],
  signal: async (api) => {
    const controller = new AbortController()
    const { signal } = controller
    const failed = described(api.get('/never', { signal }))
    const { data } = await api.get('/stalls', { signal, responseType: 'stream' })
    const broken = described(data.toArray())
    setImmediate(() => controller.abort())
    return [await failed, await broken, await described(api.get('/echo', { signal }))]
  },
  cancelToken: async (api) => {
    const { token, cancel } = axios.CancelToken.source()
    const failed = described(api.get('/never', { cancelToken: token }))
    setImmediate(() => cancel('no more'))
    return [await failed, await described(api.get('/echo', { cancelToken: token }))]
  },
  formDataHeaderPolicy: async (api) => {
    const data = Object.assign(Readable.from(['body']), {
      append() {},
      getHeaders: () => ({ 'content-type': 'text/x', 'x-app': 'form' }),
      [Symbol.toStringTag]: 'FormData',
    })
    const { type, app } = (await api.post('/echo', data, { formDataHeaderPolicy: 'content-only' }))
      .data
    return [type, app]
  },
}

/** A value of each option that the adapter refuses. */
const refused: Record<string, AxiosRequestConfig> = {
  proxy: { proxy: { host: '127.0.0.1', port: 1 } },
  socketPath: { socketPath: '/tmp/socket' },
  allowedSocketPaths: { allowedSocketPaths: ['/tmp/socket'] },
  httpAgent: { httpAgent: {} },
  httpsAgent: { httpsAgent: { options: { rejectUnauthorized: false } } },
  transport: { transport: {} },
  lookup: { lookup: () => {} },
  family: { family: 4 },
  maxRedirects: { maxRedirects: 5 },
  beforeRedirect: { beforeRedirect: () => {} },
  sensitiveHeaders: { sensitiveHeaders: ['x-key'] },
  maxRate: { maxRate: 100 },
  insecureHTTPParser: { insecureHTTPParser: true },
  httpVersion: { httpVersion: 2 },
  http2Options: { http2Options: {} },
  fetchOptions: { fetchOptions: {} },
  env: { env: { fetch } },
}

describe('the adapter gives the same result as axios for', () => {
  for (const [what, call] of Object.entries(calls)) {
    test(what, async () => {
      await compare(call)
    })
  }
})

async function compare(call: (api: AxiosInstance) => Promise<unknown>): Promise<void> {
  const defaults = { baseURL: origin, headers: { 'x-app': 'me' } } as const
  const expected = await call(axios.create({ ...defaults, proxy: false, adapter: 'http' }))
  const actual = await call(axios.create({ ...defaults, adapter: hawserAdapter(client) }))
  assert.deepEqual(actual, expected)
}

describe('80 the adapter honours the option', () => {
  for (const [name, call] of Object.entries(honoured)) test(name, () => compare(call))
})

describe('80 the adapter refuses the option', () => {
  for (const [name, config] of Object.entries(refused)) {
    test(name, async () => {
      const api = axios.create({ baseURL: origin, adapter: hawserAdapter(client) })
      const { code, message } = await failureOf(api.get('/echo', config))
      assert.equal(code, 'ERR_NOT_SUPPORT')
      assert.match(message, new RegExp(`does not support ${name}\\b.*; use `))
    })
  }

  test('proxy: false, because the client may use one', async () => {
    const api = axios.create({ baseURL: origin, adapter: hawserAdapter(client) })
    const { code } = await failureOf(api.get('/echo', { proxy: false }))
    assert.equal(code, 'ERR_NOT_SUPPORT')
  })

  test('but not values that ask for nothing', async () => {
    const api = axios.create({ baseURL: origin, adapter: hawserAdapter(client) })
    const config = { maxRedirects: 0, insecureHTTPParser: false, httpVersion: 1 } as const
    assert.equal((await api.get('/echo', { ...config, socketPath: null })).status, 200)
  })
})

test('80 docs/fetch.md tells of each option of axios what becomes of it', () => {
  const top = fileURLToPath(new URL('../../../', import.meta.url))
  const page = readFileSync(`${top}docs/fetch.md`, 'utf8')
  const rowOf = (label: string) => {
    const row = page.split('\n').find((line) => line.startsWith(`| ${label} |`)) ?? ''
    return [...row.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
  }
  assert.deepEqual(rowOf('honoured').sort(), Object.keys(honoured).sort())
  assert.deepEqual(rowOf('refused').sort(), Object.keys(refused).sort())
  const declarations = readFileSync(`${top}node_modules/axios/index.d.ts`, 'utf8')
  const body =
    /export interface AxiosRequestConfig<[^{]*\{\n(.*?)\n\}/s.exec(declarations)?.[1] ?? ''
  const all = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
  const labels = [
    'honoured',
    'refused',
    'applied by axios',
    'without effect, as in axios on a server',
  ]
  const listed = labels.flatMap(rowOf)
  assert.deepEqual([...new Set(listed)].sort(), all.sort())
})

test('all parts of a FormData are sent', async () => {
  const api = axios.create({ baseURL: origin, adapter: hawserAdapter(client) })
  const { type, body } = (await api.post('/echo', form())).data
  assert.equal(type, 'multipart/form-data; boundary=')
  assert.match(body, /name="a"\r\n\r\n1\r\n.*name="file"; filename="a.txt"\r\n/s)
})
