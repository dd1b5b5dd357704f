// Clients for protocols on top of HTTP.
import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Library, World } from './library.ts'
import { abortOnArrival, never, Parts } from './library.ts'
import { aborts, CONTENT, events, form, retries, uploads } from './scenarios.ts'

interface GraphqlModule {
  readonly GraphQLClient: new (
    url: string,
    options: object,
  ) => { request(options: object): Promise<unknown> }
}

const graphqlRequest: Library = {
  name: 'graphql-request',
  usage: 'new GraphQLClient(url, { fetch })',
  features: {
    abort: aborts(({ load, fetch }, url, signal) => {
      const { GraphQLClient } = load<GraphqlModule>('graphql-request')
      return new GraphQLClient(url, { fetch }).request({ document: '{ a }', signal })
    }),
  },
}

interface UrqlResult {
  readonly data?: unknown
  readonly error?: Error
}
interface UrqlSource {
  subscribe(next: (result: UrqlResult) => void): { unsubscribe(): void }
  toPromise(): Promise<UrqlResult>
}
interface UrqlClient {
  query(query: string, variables: object): UrqlSource
  mutation(query: string, variables: object): UrqlSource
  subscription(query: string, variables: object): UrqlSource
}
interface UrqlModule {
  readonly Client: new (options: object) => UrqlClient
  readonly fetchExchange: unknown
}

function urqlClient({ load, fetch }: World, url: string): UrqlClient {
  const { Client, fetchExchange } = load<UrqlModule>('@urql/core')
  const options = { fetchSubscriptions: true, preferGetMethod: false }
  return new Client({ url, fetch, exchanges: [fetchExchange], ...options })
}

const urql: Library = {
  name: '@urql/core',
  usage: 'new Client({ fetch })',
  features: {
    async streaming(world) {
      const data = [{ n: 1 }, { n: 2 }]
      const parts = new Parts('text/event-stream', events(...data.map((each) => ({ data: each }))))
      const { origin } = await world.serve(parts.answer)
      const source = urqlClient(world, origin).subscription('subscription { n }', {})
      const read: unknown[] = []
      await new Promise<void>((resolve, reject) => {
        source.subscribe((result) => {
          if (result.error) return reject(result.error)
          read.push(result.data)
          if (read.length === data.length) resolve()
          else parts.next()
        })
      })
      assert.deepEqual(read, data)
    },
    async abort(world) {
      const served = await world.serve(never)
      const source = urqlClient(world, served.origin).query('{ a }', {})
      await abortOnArrival(served, (signal) => {
        const { unsubscribe } = source.subscribe(() => {})
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            unsubscribe()
            reject(signal.reason)
          })
        })
      })
    },
    upload: uploads(
      async (world, url) => {
        const variables = { file: new File([CONTENT], 'file.txt') }
        const query = 'mutation($file: Upload!) { upload(file: $file) }'
        return urqlClient(world, url).mutation(query, variables).toPromise()
      },
      { data: { upload: true } },
    ),
  },
}

interface TrpcProcedure {
  query(resolver: (options: { input: unknown }) => unknown): unknown
  mutation(resolver: (options: { input: unknown }) => unknown): unknown
  input(parser: unknown): TrpcProcedure
}
interface TrpcServer {
  readonly initTRPC: {
    create(): { router(procedures: object): unknown; procedure: TrpcProcedure }
  }
}
interface TrpcClient {
  readonly value: { query(input?: unknown, options?: object): Promise<unknown> }
  readonly values: { query(): Promise<AsyncIterable<unknown>> }
  readonly upload: { mutate(input: FormData): Promise<unknown> }
}
interface TrpcModule {
  createTRPCClient(options: { links: readonly unknown[] }): TrpcClient
  httpLink(options: object): unknown
  httpBatchStreamLink(options: object): unknown
  retryLink(options: object): unknown
}

/** A tRPC client with these links. The last one sends the request. */
function trpcClient(
  { load, fetch }: World,
  url: string,
  kind: 'httpLink' | 'httpBatchStreamLink',
): TrpcClient {
  const module = load<TrpcModule>('@trpc/client')
  const retry = module.retryLink({
    retry: ({ attempts }: { attempts: number }) => attempts < 2,
    retryDelayMs: () => 1,
  })
  return module.createTRPCClient({ links: [retry, module[kind]({ url, fetch })] })
}

/** The server of tRPC, with a procedure that yields a value after each call of `next`. */
function trpcHandler({ load }: World) {
  const { initTRPC } = load<TrpcServer>('@trpc/server')
  const { createHTTPHandler } = load<{
    createHTTPHandler: (options: object) => RequestListener
  }>('@trpc/server/adapters/standalone')
  const { router, procedure } = initTRPC.create()
  let next = () => {}
  async function* values() {
    for (const value of [1, 2, 3]) {
      yield value
      await new Promise<void>((resolve) => {
        next = resolve
      })
    }
  }
  const handler = createHTTPHandler({ router: router({ values: procedure.query(values) }) })
  return { handler, next: () => next() }
}

const trpc: Library = {
  name: '@trpc/client',
  usage: 'httpLink({ url, fetch })',
  features: {
    async streaming(world) {
      const { handler, next } = trpcHandler(world)
      const url = await world.serveListener(handler)
      const read: unknown[] = []
      for await (const value of await trpcClient(
        world,
        url,
        'httpBatchStreamLink',
      ).values.query()) {
        read.push(value)
        setImmediate(next)
      }
      assert.deepEqual(read, [1, 2, 3])
    },
    retry: retries((world, url) => trpcClient(world, url, 'httpLink').value.query(), {
      result: { data: 1 },
    }),
    abort: aborts((world, url, signal) =>
      trpcClient(world, url, 'httpLink').value.query(undefined, { signal }),
    ),
    upload: uploads((world, url) => trpcClient(world, url, 'httpLink').upload.mutate(form()), {
      result: { data: 1 },
    }),
  },
}

interface EventSourceLike extends EventTarget {
  close(): void
}
interface EventSourceModule {
  readonly EventSource: new (url: string, options: object) => EventSourceLike
}

const eventsource: Library = {
  name: 'eventsource',
  usage: 'new EventSource(url, { fetch })',
  features: {
    async streaming({ load, fetch, serve }) {
      const { EventSource } = load<EventSourceModule>('eventsource')
      const parts = new Parts('text/event-stream', events('one', 'two', 'three'))
      const { origin } = await serve(parts.answer)
      const source = new EventSource(origin, { fetch })
      const read: unknown[] = []
      await new Promise<void>((resolve) => {
        source.addEventListener('message', (event) => {
          read.push((event as MessageEvent).data)
          if (read.length === 3) resolve()
          else parts.next()
        })
      })
      source.close()
      assert.deepEqual(read, ['one', 'two', 'three'])
    },
    async retry({ load, fetch, serve }) {
      const { EventSource } = load<EventSourceModule>('eventsource')
      const { origin, received } = await serve((response, _, count) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(count === 1 ? 'retry: 1\nid: 7\ndata: one\n\n' : 'data: two\n\n')
        if (count === 1) setImmediate(() => response.destroy())
      })
      const source = new EventSource(origin, { fetch })
      await new Promise<void>((resolve) => {
        source.addEventListener('message', (event) => {
          if ((event as MessageEvent).data === 'two') resolve()
        })
      })
      source.close()
      assert.equal(received[1]?.headers['last-event-id'], '7')
    },
    async abort({ load, fetch, serve }) {
      const { EventSource } = load<EventSourceModule>('eventsource')
      const served = await serve((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      })
      const source = new EventSource(served.origin, { fetch })
      await new Promise((resolve) => source.addEventListener('open', resolve))
      source.close()
      await (await served.first).aborted
    },
  },
}

interface McpServerClass {
  new (
    facts: object,
    options: object,
  ): {
    registerTool(name: string, options: object, tool: McpTool): void
    connect(transport: unknown): Promise<void>
  }
}
type McpTool = (extra: { sendNotification(notification: object): Promise<void> }) => Promise<object>
interface McpServerTransport {
  new (
    options: object,
  ): {
    handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
  }
}
interface McpClient {
  connect(transport: unknown): Promise<void>
  callTool(call: object, schema: undefined, options: object): Promise<unknown>
  close(): Promise<void>
  setNotificationHandler(schema: unknown, handler: (notification: unknown) => void): void
}
const SDK = '@modelcontextprotocol/sdk'

const mcp: Library = {
  name: SDK,
  usage: 'new StreamableHTTPClientTransport(url, { fetch })',
  features: {
    async streaming(world) {
      const { load, fetch } = world
      const { McpServer } = load<{ McpServer: McpServerClass }>(`${SDK}/server/mcp.js`)
      const { StreamableHTTPServerTransport } = load<{
        StreamableHTTPServerTransport: McpServerTransport
      }>(`${SDK}/server/streamableHttp.js`)
      const { Client } = load<{ Client: new (facts: object) => McpClient }>(`${SDK}/client`)
      const { StreamableHTTPClientTransport } = load<{
        StreamableHTTPClientTransport: new (url: URL, options: object) => unknown
      }>(`${SDK}/client/streamableHttp.js`)
      const { LoggingMessageNotificationSchema } = load<{
        LoggingMessageNotificationSchema: unknown
      }>(`${SDK}/types.js`)

      let onNotified = () => {}
      const notified = new Promise<void>((resolve) => {
        onNotified = resolve
      })
      const facts = { name: 'test', version: '1.0.0' }
      const server = new McpServer(facts, { capabilities: { logging: {} } })
      // The tool ends when the client has received the notification that was streamed before.
      server.registerTool('wait', {}, async ({ sendNotification }) => {
        const params = { level: 'info', data: 'started' }
        await sendNotification({ method: 'notifications/message', params })
        await notified
        return { content: [{ type: 'text', text: 'done' }] }
      })
      let session = 0
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => String(++session),
      })
      await server.connect(transport)
      const url = await world.serveListener((request, response) =>
        transport.handleRequest(request, response),
      )
      const client = new Client(facts)
      client.setNotificationHandler(LoggingMessageNotificationSchema, () => onNotified())
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
      const result = await client.callTool({ name: 'wait', arguments: {} }, undefined, {})
      assert.deepEqual(result, { content: [{ type: 'text', text: 'done' }] })
      await client.close()
    },
  },
}

export const protocols: readonly Library[] = [graphqlRequest, urql, trpc, mcp, eventsource]
