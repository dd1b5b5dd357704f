// Libraries that wrap `fetch`.
import assert from 'node:assert/strict'
import type { Library } from './library.ts'
import { aborts, byteStream, CONTENT, form, retries, streamsBody, uploads } from './scenarios.ts'

type Fetch = typeof globalThis.fetch
interface FetchOptions extends RequestInit {
  readonly duplex?: 'half'
}

interface Ky {
  create(options: object): Ky
  (url: string, options?: object): Promise<Response>
}

const ky: Library = {
  name: 'ky',
  usage: 'ky.create({ fetch })',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const { default: create } = load<{ default: Ky }>('ky')
      return (await create.create({ fetch })(url)).body
    }),
    retry: retries(async ({ load, fetch }, url) => {
      const { default: create } = load<{ default: Ky }>('ky')
      return create.create({ fetch, retry: { limit: 1, delay: () => 1 } })(url)
    }),
    abort: aborts((world, url, signal) => {
      const { default: create } = world.load<{ default: Ky }>('ky')
      return create.create({ fetch: world.fetch })(url, { signal })
    }),
    upload: uploads(async ({ load, fetch }, url) => {
      const { default: create } = load<{ default: Ky }>('ky')
      const options = { method: 'post', body: byteStream(), duplex: 'half' }
      await create.create({ fetch })(url, options)
      await create.create({ fetch })(url, { method: 'post', body: form() })
    }),
  },
}

type PRetry = (call: () => Promise<unknown>, options: object) => Promise<unknown>

const pRetry: Library = {
  name: 'p-retry',
  usage: 'pRetry(() => fetch(url))',
  features: {
    retry: retries(async ({ load, fetch }, url, { received }) => {
      const { default: retry } = load<{ default: PRetry }>('p-retry')
      const { default: isNetworkError } = load<{ default: (error: unknown) => boolean }>(
        'is-network-error',
      )
      const failures: unknown[] = []
      const call = () =>
        fetch(url).catch((error) => {
          failures.push(error)
          throw error
        })
      await retry(call, { retries: 1, minTimeout: 1 })
      assert.deepEqual(failures.map(isNetworkError), [true])
      // Nobody repeats a request that is not valid.
      const invalid = () => fetch(url, { headers: { 'a b': '1' } })
      await assert.rejects(retry(invalid, { retries: 1, minTimeout: 1 }), TypeError)
      assert.equal(isNetworkError(await invalid().catch((error) => error)), false)
      assert.equal(received.length, 2)
    }),
    abort: aborts(({ load, fetch }, url, signal) => {
      const { default: retry } = load<{ default: PRetry }>('p-retry')
      return retry(() => fetch(url, { signal }), { signal })
    }),
  },
}

interface OFetch {
  create(options: object): OFetch
  raw(url: string, options?: object): Promise<{ _data: ReadableStream<Uint8Array> }>
  (url: string, options?: object): Promise<unknown>
}
type CreateOFetch = (globals: object) => OFetch

const ofetch: Library = {
  name: 'ofetch',
  usage: 'createFetch({ fetch })',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const { createFetch } = load<{ createFetch: CreateOFetch }>('ofetch')
      return (await createFetch({ fetch }).raw(url, { responseType: 'stream' }))._data
    }),
    retry: retries(({ load, fetch }, url) => {
      const { createFetch } = load<{ createFetch: CreateOFetch }>('ofetch')
      return createFetch({ fetch })(url, { retry: 1, retryDelay: 1 })
    }),
    abort: aborts(({ load, fetch }, url, signal) => {
      const { createFetch } = load<{ createFetch: CreateOFetch }>('ofetch')
      return createFetch({ fetch })(url, { signal })
    }),
    upload: uploads(({ load, fetch }, url) => {
      const { createFetch } = load<{ createFetch: CreateOFetch }>('ofetch')
      return createFetch({ fetch })(url, { method: 'POST', body: form() })
    }),
  },
}

interface Wretch {
  fetchPolyfill(fetch: Fetch): Wretch
  middlewares(list: readonly unknown[]): Wretch
  options(options: object): Wretch
  body(body: unknown): Wretch
  get(): WretchChain
  post(): WretchChain
}
interface WretchChain {
  res(): Promise<Response>
}
type CreateWretch = (url: string) => Wretch

const wretch: Library = {
  name: 'wretch',
  usage: 'wretch(url).fetchPolyfill(fetch)',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const { default: create } = load<{ default: CreateWretch }>('wretch')
      return (await create(url).fetchPolyfill(fetch).get().res()).body
    }),
    retry: retries(({ load, fetch }, url) => {
      const { default: create } = load<{ default: CreateWretch }>('wretch')
      const { retry } = load<{ retry: (options: object) => unknown }>('wretch/middlewares')
      const repeating = retry({ maxAttempts: 1, delayTimer: 1, retryOnNetworkError: true })
      return create(url).fetchPolyfill(fetch).middlewares([repeating]).get().res()
    }),
    abort: aborts(({ load, fetch }, url, signal) => {
      const { default: create } = load<{ default: CreateWretch }>('wretch')
      return create(url).fetchPolyfill(fetch).options({ signal }).get().res()
    }),
    upload: uploads(({ load, fetch }, url) => {
      const { default: create } = load<{ default: CreateWretch }>('wretch')
      return create(url).fetchPolyfill(fetch).body(form()).post().res()
    }),
  },
}

type UpFetch = (url: string, options?: object) => Promise<unknown>
interface UpFetchModule {
  up(fetch: Fetch): UpFetch
}

const upFetch: Library = {
  name: 'up-fetch',
  usage: 'up(fetch)',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const parseResponse = ({ body }: Response) => body
      const call = load<UpFetchModule>('up-fetch').up(fetch)
      return (await call(url, { parseResponse })) as Response['body']
    }),
    retry: retries(({ load, fetch }, url) => {
      const retry = { attempts: 1, delay: 1, when: ({ error }: { error?: unknown }) => !!error }
      return load<UpFetchModule>('up-fetch').up(fetch)(url, { retry })
    }),
    abort: aborts(({ load, fetch }, url, signal) =>
      load<UpFetchModule>('up-fetch').up(fetch)(url, { signal }),
    ),
    upload: uploads(({ load, fetch }, url) =>
      load<UpFetchModule>('up-fetch').up(fetch)(url, { method: 'POST', body: form() }),
    ),
  },
}

interface Redaxios {
  create(options: object): Redaxios
  get(url: string, options?: object): Promise<{ data: ReadableStream<Uint8Array> }>
  post(url: string, data: unknown): Promise<unknown>
}

const redaxios: Library = {
  name: 'redaxios',
  usage: 'axios.create({ fetch })',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const client = load<Redaxios>('redaxios').create({ fetch })
      return (await client.get(url, { responseType: 'stream' })).data
    }),
    upload: uploads(({ load, fetch }, url) =>
      load<Redaxios>('redaxios').create({ fetch }).post(url, form()),
    ),
  },
}

type FetchRetry = (fetch: Fetch, defaults: object) => Fetch

const fetchRetry: Library = {
  name: 'fetch-retry',
  usage: 'fetchRetry(fetch)',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const call = load<FetchRetry>('fetch-retry')(fetch, {})
      return (await call(url)).body
    }),
    retry: retries(({ load, fetch }, url) =>
      load<FetchRetry>('fetch-retry')(fetch, { retries: 1, retryDelay: 1 })(url),
    ),
    abort: aborts(({ load, fetch }, url, signal) =>
      load<FetchRetry>('fetch-retry')(fetch, { retries: 0 })(url, { signal }),
    ),
    upload: uploads(({ load, fetch }, url) =>
      load<FetchRetry>('fetch-retry')(fetch, {})(url, { method: 'POST', body: form() }),
    ),
  },
}

type FetchCookie = { default: (fetch: Fetch) => Fetch }

const fetchCookie: Library = {
  name: 'fetch-cookie',
  usage: 'makeFetchCookie(fetch)',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      return (await load<FetchCookie>('fetch-cookie').default(fetch)(url)).body
    }),
    abort: aborts(({ load, fetch }, url, signal) =>
      load<FetchCookie>('fetch-cookie').default(fetch)(url, { signal }),
    ),
    upload: uploads(({ load, fetch }, url) => {
      const init: FetchOptions = { method: 'POST', body: byteStream(), duplex: 'half' }
      return load<FetchCookie>('fetch-cookie').default(fetch)(url, init)
    }),
  },
}

interface GaxiosModule {
  Gaxios: new (options: object) => { request(options: object): Promise<{ data: unknown }> }
}

const gaxios: Library = {
  name: 'gaxios',
  usage: 'new Gaxios({ fetchImplementation: fetch })',
  features: {
    streaming: streamsBody(async ({ load, fetch: fetchImplementation }, url) => {
      const client = new (load<GaxiosModule>('gaxios').Gaxios)({ fetchImplementation })
      const { data } = await client.request({ url, responseType: 'stream' })
      return data as ReadableStream<Uint8Array>
    }),
    retry: retries(({ load, fetch: fetchImplementation }, url) => {
      const client = new (load<GaxiosModule>('gaxios').Gaxios)({ fetchImplementation })
      return client.request({ url, retryConfig: { retry: 1, retryDelay: 1 } })
    }),
    abort: aborts(({ load, fetch: fetchImplementation }, url, signal) => {
      const client = new (load<GaxiosModule>('gaxios').Gaxios)({ fetchImplementation })
      return client.request({ url, signal })
    }),
    upload: uploads(({ load, fetch: fetchImplementation }, url) => {
      const client = new (load<GaxiosModule>('gaxios').Gaxios)({ fetchImplementation })
      return client.request({ url, method: 'POST', data: form() })
    }),
  },
}

interface OpenApiFetch {
  default: (options: object) => {
    GET(path: string, options?: object): Promise<{ data: ReadableStream<Uint8Array> }>
    POST(path: string, options?: object): Promise<unknown>
  }
}

const openapiFetch: Library = {
  name: 'openapi-fetch',
  usage: 'createClient({ fetch })',
  features: {
    streaming: streamsBody(async ({ load, fetch }, baseUrl) => {
      const client = load<OpenApiFetch>('openapi-fetch').default({ baseUrl, fetch })
      return (await client.GET('/file', { parseAs: 'stream' })).data
    }),
    abort: aborts(({ load, fetch }, baseUrl, signal) => {
      const client = load<OpenApiFetch>('openapi-fetch').default({ baseUrl, fetch })
      return client.GET('/file', { signal })
    }),
    upload: uploads(({ load, fetch }, baseUrl) => {
      const client = load<OpenApiFetch>('openapi-fetch').default({ baseUrl, fetch })
      return client.POST('/file', { body: form(), bodySerializer: (body: unknown) => body })
    }),
  },
}

interface UndiciModule {
  readonly Request: typeof Request
  readonly FormData: typeof FormData
  readonly Headers: typeof Headers
}

const undici: Library = {
  name: 'undici',
  usage: 'fetch(new undici.Request(url))',
  features: {
    streaming: streamsBody(async ({ load, fetch }, url) => {
      const { Request, Headers } = load<UndiciModule>('undici')
      return (await fetch(new Request(url), { headers: new Headers({ a: '1' }) })).body
    }),
    abort: aborts(({ load, fetch }, url, signal) => {
      const { Request } = load<UndiciModule>('undici')
      return fetch(new Request(url, { signal }))
    }),
    upload: uploads(async ({ load, fetch }, url) => {
      const { FormData, Request } = load<UndiciModule>('undici')
      const data = new FormData()
      data.append('file', new Blob([CONTENT]), 'file.txt')
      await fetch(url, { method: 'POST', body: data })
      await fetch(new Request(url, { method: 'POST', body: data }))
    }),
  },
}

const abortController: Library = {
  name: 'abort-controller',
  usage: 'fetch(url, { signal })',
  features: {
    abort: aborts(async ({ load, fetch }, url, native) => {
      const { AbortController } = load<{ AbortController: typeof globalThis.AbortController }>(
        'abort-controller',
      )
      const controller = new AbortController()
      native.addEventListener('abort', () => controller.abort())
      const failed = fetch(url, { signal: controller.signal })
      await assert.rejects(failed, { name: 'AbortError' })
      return failed
    }),
  },
}

export const wrappers: readonly Library[] = [
  ...[ky, pRetry, ofetch, wretch, upFetch, gaxios, redaxios, openapiFetch, fetchRetry],
  ...[fetchCookie, undici, abortController],
]
