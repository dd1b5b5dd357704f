// A program that uses the published package, for test:typescript. It is compiled as an ES module and
// as CommonJS, with each version of TypeScript.
import type {
  Auth,
  BackendChoice,
  ClientOptions,
  ConnectFacts,
  DispatchControl,
  Dispatcher,
  DispatchHandler,
  DispatchRequest,
  ErrorCode,
  EventStreamOptions,
  FollowRedirects,
  JSONOptions,
  JSONRecordOptions,
  Lookup,
  OnConnect,
  ReadTimeout,
  Request,
  RequestOptions,
  Response,
  ServerSentEvent,
  StandardSchema,
} from 'hawser'
import {
  AppDispatcher,
  Client,
  DecodingError,
  get,
  HawserError,
  Headers,
  HTTPStatusError,
  MockDispatcher,
  ProxyError,
  RequestError,
} from 'hawser'
import type { Response as EngineResponse } from 'hawser/engine'
import { ConnectionPool, ReadTimeout as EngineReadTimeout } from 'hawser/engine'
import { createFetch, HTTPStatusError as FetchStatusError, fetch } from 'hawser/fetch'

/** Whether a type is `any`, which accepts everything. */
type IsAny<T> = 0 extends 1 & T ? true : false

interface User {
  readonly name: string
}

declare const userSchema: StandardSchema<User>

/** A wrapper, which needs the types of what it passes on. */
export class Api {
  readonly #client: Client
  readonly backend: BackendChoice = 'auto'
  readonly followRedirects: FollowRedirects = 'no-downgrade'

  constructor(
    options: ClientOptions & { readonly onConnect?: OnConnect; readonly lookup?: Lookup },
  ) {
    this.#client = new Client(options)
  }

  send(method: string, url: string, options?: RequestOptions): Promise<Response> {
    return this.#client.request(method, url, options)
  }

  async user(options?: JSONOptions<User>): Promise<User> {
    const response = await this.#client.get('http://h')
    return response.json(options)
  }

  async *users(options: JSONRecordOptions<User>): AsyncGenerator<User> {
    const response = await this.#client.stream('GET', 'http://h')
    yield* response.iterJSON(options)
  }

  async *events(options?: EventStreamOptions): AsyncGenerator<ServerSentEvent> {
    const response = await this.#client.stream('GET', 'http://h')
    for await (const { event, data, id, retry } of response.iterEvents(options)) {
      yield { event: event.trim(), data, id, retry: retry === null ? null : retry + 1 }
    }
  }
}

/** A dispatcher of a user. */
export class Logging implements Dispatcher {
  readonly #pool: ConnectionPool

  constructor(pool: ConnectionPool) {
    this.#pool = pool
  }

  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#pool.dispatch(request, handler)
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/** Owned memory is a part of a `Blob`, and content of another request. */
export async function memory(response: Response, engine: EngineResponse): Promise<Blob> {
  const bytes: Uint8Array<ArrayBuffer> = response.bytes()
  const buffer: ArrayBuffer = bytes.buffer
  const chunks: Uint8Array<ArrayBuffer>[] = []
  for await (const chunk of response.iterBytes()) chunks.push(chunk)
  for await (const chunk of response.iterRaw()) chunks.push(chunk)
  for await (const chunk of engine) chunks.push(chunk)
  const stream: ReadableStream<Uint8Array<ArrayBuffer>> = response.bodyStream()
  await fetch('http://h', { method: 'POST', body: bytes })
  return new Blob([bytes, buffer, ...chunks, await engine.bytes(), `${stream.locked}`])
}

export async function values(response: Response): Promise<unknown[]> {
  const asserted: User = response.json<User>()
  const { name } = response.json({ schema: userSchema })
  const upper: string = name.toUpperCase()
  for await (const user of response.iterJSON({ schema: userSchema })) user.name.trim()
  for await (const user of response.iterJSON<User>()) user.name.trim()
  // @ts-expect-error The schema returns another type.
  response.json<{ readonly other: string }>({ schema: userSchema })
  // @ts-expect-error Without a type, a value is unknown.
  response.json().name
  return [asserted, upper]
}

export function failures(error: unknown): unknown {
  if (error instanceof HTTPStatusError) {
    const isAny: IsAny<typeof error.response> = false
    const response: Response = error.response
    const request: Request = error.request
    // @ts-expect-error A response has no such property.
    error.response.statusCode
    return [
      isAny,
      response.text(),
      request.url.host,
      error.code satisfies 'HAWSER_HTTP_STATUS_ERROR',
    ]
  }
  if (error instanceof FetchStatusError) {
    const isAny: IsAny<typeof error.response> = false
    return [isAny, error.response.status]
  }
  if (error instanceof DecodingError)
    return error.issues?.map(({ message, path }) => [message, path])
  if (error instanceof ProxyError) return error.status
  if (error instanceof EngineReadTimeout) return error satisfies ReadTimeout
  if (error instanceof RequestError) {
    // @ts-expect-error A RequestError has no such code.
    if (error.code === 'HAWSER_CLIENT_CLOSED') return null
    return error.code === 'HAWSER_READ_TIMEOUT' ? error.phase : error.request?.url
  }
  if (error instanceof HawserError) {
    const code: ErrorCode = error.code
    switch (error.code) {
      case 'HAWSER_CLIENT_CLOSED':
        return error.code satisfies 'HAWSER_CLIENT_CLOSED'
      // @ts-expect-error There is no such code.
      case 'HAWSER_READ_TIMEOUTS':
        return null
    }
    return code
  }
  return null
}

const auth: Auth = {
  async *authFlow(request) {
    const { status } = yield request
    if (status === 401) yield request
  },
}

export function others(): unknown[] {
  const pool = new ConnectionPool({ onConnect: ({ address }: ConnectFacts) => void address })
  // @ts-expect-error There is no such option.
  new Client({ no: 1 })
  const mock = new MockDispatcher(({ content }) => ({ content, headers: new Headers() }))
  const app = new AppDispatcher({ app: (_request, response) => response.end() })
  return [
    auth,
    pool,
    mock,
    app,
    get,
    createFetch({ timeout: 1 }),
    new Client({ dispatcher: new Logging(pool) }),
  ]
}
