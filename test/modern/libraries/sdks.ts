// Clients for the APIs of services.
import assert from 'node:assert/strict'
import type { Library, Served, World } from './library.ts'
import { json, Parts, readParts } from './library.ts'
import {
  aborts,
  CONTENT,
  events,
  retries,
  retriesUnavailable,
  streamsBody,
  uploads,
} from './scenarios.ts'

const PROMPT = [{ role: 'user', content: 'Hello' }]

/** What `openai` and `@anthropic-ai/sdk` have in common. Both are made by the same generator. */
interface GeneratedClient {
  readonly chat: { completions: Messages }
  readonly messages: Messages
  readonly files: { create(options: object): Promise<unknown> }
  readonly beta: { files: { upload(options: object): Promise<unknown> } }
}
interface Messages {
  create(options: object, more?: object): Promise<AsyncIterable<unknown>>
}
interface GeneratedModule {
  readonly default: new (options: object) => GeneratedClient
  toFile(content: Uint8Array, name: string): Promise<unknown>
}

function generated({ load, fetch }: World, name: string, baseURL: string): GeneratedClient {
  const { default: Client } = load<GeneratedModule>(name)
  return new Client({ apiKey: 'key', baseURL, fetch, maxRetries: 1 })
}

/** The client delivers each event of a stream of server-sent events as it arrives. */
async function readEvents(
  world: World,
  sent: readonly string[],
  open: (origin: string) => Promise<AsyncIterable<unknown>>,
): Promise<unknown[]> {
  const parts = new Parts('text/event-stream', sent)
  const { origin } = await world.serve(parts.answer)
  return readParts(await open(origin), parts)
}

const completion = { model: 'm', messages: PROMPT }

const openai: Library = {
  name: 'openai',
  usage: 'new OpenAI({ fetch })',
  features: {
    async streaming(world) {
      const delta = (content: string) => ({ choices: [{ index: 0, delta: { content } }] })
      const sent = events(delta('Hel'), delta('lo'), '[DONE]')
      const read = await readEvents(world, sent, (origin) =>
        generated(world, 'openai', origin).chat.completions.create({ ...completion, stream: true }),
      )
      const texts = (read as ReturnType<typeof delta>[]).map(({ choices }) => choices[0]?.delta)
      assert.deepEqual(texts, [{ content: 'Hel' }, { content: 'lo' }])
    },
    retry: retries((world, url) =>
      generated(world, 'openai', url).chat.completions.create(completion),
    ),
    abort: aborts((world, url, signal) =>
      generated(world, 'openai', url).chat.completions.create(completion, { signal }),
    ),
    upload: uploads(async (world, url) => {
      const { toFile } = world.load<GeneratedModule>('openai')
      const file = await toFile(Buffer.from(CONTENT), 'file.txt')
      return generated(world, 'openai', url).files.create({ file, purpose: 'assistants' })
    }),
  },
}

const message = { ...completion, max_tokens: 10 }

const anthropic: Library = {
  name: '@anthropic-ai/sdk',
  usage: 'new Anthropic({ fetch })',
  features: {
    async streaming(world) {
      const expected = [
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
        { type: 'content_block_stop', index: 0 },
        { type: 'message_stop' },
      ]
      const sent = expected.map((each) => `event: ${each.type}\ndata: ${JSON.stringify(each)}\n\n`)
      const read = await readEvents(world, sent, (origin) => {
        const client = generated(world, '@anthropic-ai/sdk', origin)
        return client.messages.create({ ...message, stream: true })
      })
      assert.deepEqual(read, expected)
    },
    retry: retries((world, url) =>
      generated(world, '@anthropic-ai/sdk', url).messages.create(message),
    ),
    abort: aborts((world, url, signal) =>
      generated(world, '@anthropic-ai/sdk', url).messages.create(message, { signal }),
    ),
    upload: uploads(async (world, url) => {
      const { toFile } = world.load<GeneratedModule>('@anthropic-ai/sdk')
      const file = await toFile(Buffer.from(CONTENT), 'file.txt')
      return generated(world, '@anthropic-ai/sdk', url).beta.files.upload({ file })
    }),
  },
}

interface OllamaClient {
  chat(options: object): Promise<AsyncIterable<unknown>>
  abort(): void
}
type OllamaModule = { Ollama: new (options: object) => OllamaClient }

const ollama: Library = {
  name: 'ollama',
  usage: 'new Ollama({ fetch })',
  features: {
    async streaming(world) {
      const { Ollama } = world.load<OllamaModule>('ollama')
      const lines = [{ message: { content: 'Hel' } }, { message: { content: 'lo' }, done: true }]
      const texts = lines.map((line) => `${JSON.stringify(line)}\n`)
      const parts = new Parts('application/x-ndjson', texts)
      const { origin: host } = await world.serve(parts.answer)
      const client = new Ollama({ host, fetch: world.fetch })
      const items = await client.chat({ ...completion, stream: true })
      assert.deepEqual(await readParts(items, parts), lines)
    },
    async abort(world) {
      const { Ollama } = world.load<OllamaModule>('ollama')
      const served = await world.serve((response) => response.writeHead(200).flushHeaders())
      const client = new Ollama({ host: served.origin, fetch: world.fetch })
      const items = await client.chat({ ...completion, stream: true })
      const failed = assert.rejects(async () => {
        for await (const _ of items);
      })
      client.abort()
      await failed
      await (await served.first).aborted
    },
  },
}

interface OctokitClient {
  request(route: string, options?: object): Promise<{ data: unknown }>
}
interface OctokitClass {
  new (options: object): OctokitClient
  plugin(plugin: unknown): OctokitClass
}

function octokitClient({ load, fetch }: World, baseUrl: string): OctokitClient {
  const { Octokit } = load<{ Octokit: OctokitClass }>('@octokit/core')
  const { retry } = load<{ retry: unknown }>('@octokit/plugin-retry')
  const options = { baseUrl, request: { fetch }, retry: { retryAfterBaseValue: 1 } }
  return new (Octokit.plugin(retry))(options)
}

const octokit: Library = {
  name: '@octokit/core',
  usage: 'new Octokit({ request: { fetch } })',
  features: {
    streaming: streamsBody(async (world, url) => {
      const request = { parseSuccessResponseBody: false }
      const { data } = await octokitClient(world, url).request('GET /file', { request })
      return data as ReadableStream<Uint8Array>
    }),
    retry: retries((world, url) => octokitClient(world, url).request('GET /user')),
    abort: aborts((world, url, signal) =>
      octokitClient(world, url).request('GET /user', { request: { signal } }),
    ),
    upload: uploads((world, url) => {
      const headers = { 'content-type': 'application/octet-stream' }
      const data = Buffer.from(CONTENT)
      return octokitClient(world, url).request('POST /assets', { headers, data })
    }),
  },
}

interface SupabaseClient {
  from(table: string): {
    select(): {
      abortSignal(signal: AbortSignal): Promise<SupabaseResult>
    } & Promise<SupabaseResult>
  }
  readonly storage: {
    from(bucket: string): {
      upload(path: string, content: unknown): Promise<SupabaseResult>
      download(path: string): { asStream(): Promise<SupabaseResult> }
    }
  }
}
interface SupabaseResult {
  readonly data: ReadableStream<Uint8Array> | null
  readonly error: Error | null
}
interface SupabaseModule {
  createClient(url: string, key: string, options: object): SupabaseClient
}

function supabaseClient({ load, fetch }: World, url: string): SupabaseClient {
  const auth = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false }
  return load<SupabaseModule>('@supabase/supabase-js').createClient(url, 'key', {
    auth,
    global: { fetch },
  })
}

async function supabaseData(call: PromiseLike<SupabaseResult>): Promise<SupabaseResult['data']> {
  const { data, error } = await call
  if (error !== null) throw error
  return data
}

const supabase: Library = {
  name: '@supabase/supabase-js',
  usage: 'createClient(url, key, { global: { fetch } })',
  features: {
    streaming: streamsBody((world, url) =>
      supabaseData(supabaseClient(world, url).storage.from('b').download('p').asStream()),
    ),
    retry: retries((world, url) => supabaseData(supabaseClient(world, url).from('t').select())),
    abort: aborts((world, url, signal) =>
      supabaseData(supabaseClient(world, url).from('t').select().abortSignal(signal)),
    ),
    upload: uploads(
      (world, url) => {
        const bucket = supabaseClient(world, url).storage.from('b')
        return supabaseData(bucket.upload('file.txt', Buffer.from(CONTENT)))
      },
      { Id: '1', Key: 'b/file.txt' },
    ),
  },
}

interface StripeClient {
  readonly customers: { retrieve(id: string): Promise<unknown> }
  readonly files: { create(options: object, more?: object): Promise<unknown> }
  readonly quotes: { pdf(id: string, options?: object): Promise<ReadableStream<Uint8Array>> }
}
interface StripeClass {
  new (key: string, options: object): StripeClient
  createFetchHttpClient(fetch: unknown): unknown
}

function stripeClient({ load, fetch }: World, url: string): StripeClient {
  const Stripe = load<StripeClass>('stripe')
  const { hostname: host, port } = new URL(url)
  const httpClient = Stripe.createFetchHttpClient(fetch)
  const server = { host, port, protocol: 'http' }
  return new Stripe('sk_test_key', {
    httpClient,
    ...server,
    maxNetworkRetries: 1,
    telemetry: false,
  })
}

const stripe: Library = {
  name: 'stripe',
  usage: 'new Stripe(key, { httpClient: Stripe.createFetchHttpClient(fetch) })',
  features: {
    streaming: streamsBody((world, url) => stripeClient(world, url).quotes.pdf('q')),
    retry: retries((world, url) => stripeClient(world, url).customers.retrieve('c')),
    upload: uploads((world, url) => {
      const file = { data: Buffer.from(CONTENT), name: 'file.txt', type: 'text/plain' }
      return stripeClient(world, url).files.create({ purpose: 'dispute_evidence', file })
    }),
  },
}

interface NotionClient {
  readonly users: { list(options: object): Promise<unknown> }
  readonly fileUploads: { send(options: object): Promise<unknown> }
}

function notionClient({ load, fetch }: World, baseUrl: string): NotionClient {
  const { Client } = load<{ Client: new (options: object) => NotionClient }>('@notionhq/client')
  const retry = { maxRetries: 1, initialRetryDelayMs: 1 }
  return new Client({ auth: 'key', baseUrl: baseUrl.slice(0, -1), fetch, retry, logger() {} })
}

const notion: Library = {
  name: '@notionhq/client',
  usage: 'new Client({ fetch })',
  features: {
    retry: retriesUnavailable((world, url) => notionClient(world, url).users.list({})),
    upload: uploads((world, url) => {
      const file = { data: new Blob([CONTENT]), filename: 'file.txt' }
      return notionClient(world, url).fileUploads.send({ file_upload_id: 'id', file })
    }),
  },
}

interface ReplicateClient {
  stream(model: string, options: object): AsyncIterable<unknown>
  readonly models: { list(options?: object): Promise<unknown> }
  readonly files: { create(file: Blob): Promise<unknown> }
}

function replicateClient({ load, fetch }: World, baseUrl: string): ReplicateClient {
  const Replicate = load<new (options: object) => ReplicateClient>('replicate')
  return new Replicate({ auth: 'key', baseUrl: baseUrl.replace(/\/$/, ''), fetch })
}

const replicate: Library = {
  name: 'replicate',
  usage: 'new Replicate({ fetch })',
  features: {
    async streaming(world) {
      const sent = ['Hel', 'lo'].map((text, i) => `event: output\nid: ${i}\ndata: ${text}\n\n`)
      const parts = new Parts('text/event-stream', [...sent, 'event: done\nid: 2\ndata: {}\n\n'])
      let served: Served | null = null
      served = await world.serve((response, received, count) => {
        if (received.path === '/stream') return parts.answer(response, received, count)
        json(response, { id: '1', urls: { stream: `${served?.origin}/stream` } }, 201)
      })
      const items = replicateClient(world, served.origin).stream('a/b', { input: {} })
      const read = await readParts(items, parts)
      assert.deepEqual(read.map(String).slice(0, 2), ['Hel', 'lo'])
    },
    retry: retriesUnavailable((world, url) => replicateClient(world, url).models.list(), {
      results: [],
    }),
    abort: aborts((world, url, signal) => replicateClient(world, url).models.list({ signal })),
    upload: uploads((world, url) =>
      replicateClient(world, url).files.create(new Blob([CONTENT], { type: 'text/plain' })),
    ),
  },
}

interface SmithyHandler {
  handle(
    request: object,
    options?: object,
  ): Promise<{ response: { body: ReadableStream<Uint8Array> } }>
}

function smithyCall({ load }: World, url: string, more: object = {}, options: object = {}) {
  const { FetchHttpHandler } = load<{ FetchHttpHandler: new () => SmithyHandler }>(
    '@smithy/fetch-http-handler',
  )
  const { HttpRequest } = load<{ HttpRequest: new (options: object) => object }>(
    '@smithy/protocol-http',
  )
  const { protocol, hostname, port, pathname: path } = new URL(url)
  const target = { protocol, hostname, port: Number(port), path }
  const request = new HttpRequest({ ...target, method: 'GET', ...more })
  return new FetchHttpHandler().handle(request, options)
}

const smithy: Library = {
  name: '@smithy/fetch-http-handler',
  usage: 'global',
  features: {
    streaming: streamsBody(async (world, url) => (await smithyCall(world, url)).response.body),
    abort: aborts((world, url, abortSignal) => smithyCall(world, url, {}, { abortSignal })),
    upload: uploads((world, url) => smithyCall(world, url, { method: 'PUT', body: CONTENT })),
  },
}

export const sdks: readonly Library[] = [
  ...[openai, anthropic, ollama, replicate, octokit, supabase, stripe, notion, smithy],
]
