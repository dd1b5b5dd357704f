// The types of the client. Lines after @ts-expect-error must not compile, all others must.
import { z } from 'zod'
import type {
  Auth,
  ClientOptions,
  EventHooks,
  OneCallOptions,
  Request,
  RequestOptions,
  Response,
  SendOptions,
} from '../../src/index.ts'
import { Client, get, HTTPStatusError, ReadTimeout, Timeout } from '../../src/index.ts'

interface User {
  readonly name: string
}

const userSchema = z.object({ name: z.string() })

declare const client: Client
declare const response: Response
declare const request: Request
declare const signal: AbortSignal

const tokenAuth: Auth = {
  async *authFlow(request) {
    const { status, headers } = yield request
    if (status === 401 && headers.has('www-authenticate')) yield request
  },
}

const clientOptions: ClientOptions[] = [
  {},
  { baseUrl: 'http://h', headers: { a: '1', b: null }, params: { a: [1, 2] }, cookies: { a: '1' } },
  { timeout: null, auth: null, followRedirects: false, retries: 3, maxRedirects: 0 },
  { timeout: { read: 1, total: null }, auth: ['user', 'password'], trustEnv: false },
  { timeout: new Timeout(1, { connect: 2 }), auth: tokenAuth, maxResponseSize: null },
  { auth: (request) => request, eventHooks: { request: [], response: [] } },
  { eventHooks: { request: [async ({ headers }) => headers.set('a', 'b')] } },
  { eventHooks: { response: [(response) => response.raiseForStatus()] } },
  { poolLimits: { maxConnections: 1, keepaliveExpiry: null }, backend: 'node', uds: '/x' },
  { headers: undefined, timeout: undefined, auth: undefined, baseUrl: undefined },
]

const refusedClientOptions: ClientOptions[] = [
  // @ts-expect-error a misspelt name
  { baseURL: 'http://h' },
  // @ts-expect-error an option of a request
  { json: {} },
  // @ts-expect-error an option of a request
  { signal },
  // @ts-expect-error an option of a request
  { onUploadProgress() {} },
  // @ts-expect-error a timeout cannot be a string
  { timeout: '5s' },
  // @ts-expect-error a misspelt field
  { timeout: { reed: 1 } },
  // @ts-expect-error a misspelt limit
  { poolLimits: { maxConnection: 1 } },
  // @ts-expect-error credentials are a pair
  { auth: ['user', 'password', 'more'] },
  // @ts-expect-error credentials cannot be a string
  { auth: 'user' },
  // @ts-expect-error hooks are arrays
  { eventHooks: { request: () => {} } },
  // @ts-expect-error a misspelt hook
  { eventHooks: { requests: [] } },
  // @ts-expect-error a request has no status
  { eventHooks: { request: [({ status }) => status] } },
  // @ts-expect-error an unknown runtime
  { backend: 'java' },
]

const requestOptions: RequestOptions[] = [
  {},
  { json: { a: 1 }, headers: { a: ['1', '2'] }, params: null, signal, retries: 1 },
  { content: 'x', timeout: { read: null }, onUploadProgress: ({ bytes, total }) => [bytes, total] },
  { data: { a: 1 }, files: { b: 'c' }, onDownloadProgress() {}, auth: false, signal: null },
]

const refusedRequestOptions: RequestOptions[] = [
  // @ts-expect-error an option of the client
  { baseUrl: 'http://h' },
  // @ts-expect-error an option of the client
  { poolLimits: {} },
  // @ts-expect-error an option of the client
  { eventHooks: {} },
  // @ts-expect-error an option of the client
  { maxResponseSize: 1 },
  // @ts-expect-error an option of the client
  { maxRedirects: 1 },
  // @ts-expect-error an option of send
  { stream: true },
  // @ts-expect-error an option of fetch
  { body: 'x' },
  // @ts-expect-error two bodies
  { content: 'x', json: 1 },
  // @ts-expect-error two bodies
  { data: {}, json: 1 },
  // @ts-expect-error the value of a header cannot be an object
  { headers: { a: {} } },
  // @ts-expect-error total can be null
  { onDownloadProgress: ({ total }: { total: number }) => total },
]

const sendOptions: SendOptions[] = [
  {},
  { stream: true, auth: null, timeout: 1, followRedirects: false, signal },
]

const refusedSendOptions: SendOptions[] = [
  // @ts-expect-error an option of buildRequest
  { headers: {} },
  // @ts-expect-error an option of buildRequest
  { content: 'x' },
  // @ts-expect-error a boolean option
  { stream: 'yes' },
]

const oneCallOptions: OneCallOptions[] = [
  { baseUrl: 'http://h', json: 1, signal, poolLimits: {}, eventHooks: {}, maxResponseSize: 1 },
  // @ts-expect-error two bodies
  { baseUrl: 'http://h', json: 1, content: 'x' },
]

const hooks: EventHooks = { request: [(request: Request) => request.url], response: undefined }

async function results(): Promise<void> {
  const name: string = response.json<User>().name
  const read: Response = await client.get('http://h')
  const same: Response = read.raiseForStatus()
  const text: string = response.text()
  const bytes: Uint8Array<ArrayBuffer> = response.bytes()
  const part = new Blob([bytes])
  const buffer: ArrayBuffer = response.arrayBuffer()
  const stream: ReadableStream<Uint8Array<ArrayBuffer>> = response.bodyStream()
  for await (const line of response.iterLines()) line.toUpperCase()
  for await (const chunk of response.iterBytes()) chunk.subarray(1)
  for await (const { data, retry } of response.iterEvents()) [data.trim(), (retry ?? 0) + 1]
  for await (const user of response.iterJSON<User>()) user.name.trim()
  for await (const user of response.iterJSON({ schema: userSchema })) user.name.trim()
  const checked: string = response.json({ schema: userSchema }).name
  // @ts-expect-error the schema returns another type
  response.json<number>({ schema: userSchema })
  // @ts-expect-error a misspelt option
  response.iterJSON({ maxRecordsize: 1 })
  // @ts-expect-error an option of iterJSON
  response.json({ maxRecordSize: 1 })
  const next: Request | null = response.nextRequest
  const link: string | undefined = response.links.next?.url
  await client.send(client.buildRequest('GET', new URL('http://h')), { stream: true })
  await get('http://h', { timeout: 1, baseUrl: 'http://h' })
  request.target = '*'
  request.url = 'http://h'
  request.content = 'x'
  response.encoding = 'latin1'
  // @ts-expect-error without a type argument, the result is unknown
  response.json().name
  // @ts-expect-error the status is read-only
  response.status = 200
  // @ts-expect-error the history is read-only
  response.history.push(response)
  // @ts-expect-error a URL cannot be a number
  await client.get(7)
  // @ts-expect-error the URL is missing
  await client.post({ json: 1 })
  // @ts-expect-error a request cannot be a string
  await client.send('GET')
  // @ts-expect-error an option of the client
  await client.get('http://h', { uds: '/x' })
  // @ts-expect-error a number is not content
  request.content = 7
  void [name, same, text, bytes, part, checked, buffer, stream, next, link]
}

function failures(error: unknown): unknown {
  if (error instanceof ReadTimeout) return [error.request?.method, error.phase, error.safeToRetry]
  if (error instanceof HTTPStatusError) {
    // @ts-expect-error the response is the client's, and not any
    error.response.statusCode
    return error.response.json<User>().name
  }
  return new Client().cookies.get('a')
}

export {
  clientOptions,
  failures,
  hooks,
  oneCallOptions,
  refusedClientOptions,
  refusedRequestOptions,
  refusedSendOptions,
  requestOptions,
  results,
  sendOptions,
}
