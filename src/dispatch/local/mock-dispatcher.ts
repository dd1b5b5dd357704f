import { ClosableIterator } from '../../content/closable-iterator.ts'
import type { HeadersInit } from '../../models/headers.ts'
import { Headers } from '../../models/headers.ts'
import { checkFunction, checkOptions, option } from '../../models/options.ts'
import type { Body } from '../../models/request.ts'
import { BaseDispatcher } from '../../pool/base-dispatcher.ts'
import { fetchAnswer, isResponse, reasonOf } from '../apps/fetch-app.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { LocalAnswer } from './local-call.ts'
import { LocalCall } from './local-call.ts'
import { localParts } from './local-parts.ts'
import { readLocalContent, receivedHeaders, targetUri } from './local-request.ts'

/** A request as a mock handler sees it. */
export interface MockRequest {
  readonly method: string
  readonly url: URL
  /** As they would have been sent, Host among them. */
  readonly headers: Headers
  /** All of it; empty where there is none. */
  readonly content: Uint8Array
}

/** The response that a mock handler describes. At most one of `content`, `text` and `json`. */
export interface MockResponse {
  /** Default 200. */
  readonly status?: number | undefined
  /** The reason phrase; by default that of the status. */
  readonly statusText?: string | undefined
  readonly headers?: HeadersInit | null | undefined
  /** As it is. An iterable is read as the reader asks for it; what it throws fails the body. */
  readonly content?: Body | null | undefined
  /** UTF-8, as `text/plain; charset=utf-8` unless `headers` say otherwise. */
  readonly text?: string | undefined
  /** As `application/json` unless `headers` say otherwise. */
  readonly json?: unknown
  readonly trailers?: HeadersInit | undefined
}

type MockResult = MockResponse | globalThis.Response

/** Answers a request, or throws what the call is to fail with. */
export type MockHandler = (request: MockRequest) => MockResult | PromiseLike<MockResult>

/**
 * Answers every request by a function, for tests of code that uses a client. Requests are published on
 * the diagnostics channels, and a client's `trace` is told of those that this client sends.
 */
export class MockDispatcher extends BaseDispatcher implements Dispatcher {
  /**
   * `handler` is given the request with its content read, and returns a description of the response,
   * or a fetch `Response`. What it throws is thrown to the caller: a `ConnectTimeout` is as good as a
   * real one. Throws `TypeError` for what is no function.
   */
  constructor(handler: MockHandler) {
    checkFunction('handler', handler)
    super(
      localParts((exchange, request) => {
        const call = new LocalCall(exchange, true)
        void call.run(async () => {
          const { request: sent } = exchange
          const seen: MockRequest = {
            method: sent.method,
            url: new URL(targetUri(sent)),
            headers: receivedHeaders(sent),
            content: await readLocalContent(call, option(request, 'body', null)),
          }
          return mockAnswer(await handler(seen))
        })
      }),
    )
  }
}

const NAMES = ['status', 'statusText', 'headers', 'content', 'text', 'json', 'trailers'] as const

/** The answer that a handler's result means. Throws `TypeError` that says what is wrong with it. */
function mockAnswer(given: unknown): LocalAnswer {
  if (isResponse(given)) return fetchAnswer(given)
  const described = given as MockResponse
  checkOptions("a mock's response", described, NAMES)
  const status = option(described, 'status', 200)
  const headers = new Headers(option(described, 'headers', null))
  const body = bodyOf(described, headers)
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const hasLength = bytes === null || bytes instanceof Uint8Array
  if (hasLength && status !== 204 && status !== 304 && !headers.has('content-length')) {
    headers.set('content-length', bytes === null ? 0 : bytes.length)
  }
  return {
    head: {
      status,
      statusText: option(described, 'statusText', reasonOf(status)),
      httpVersion: '1.1',
      headers,
    },
    content: bytes === null ? null : new ClosableIterator(hasLength ? [bytes] : bytes),
    allowsText: true,
    trailers: new Headers(option(described, 'trailers', null)),
  }
}

function bodyOf(given: MockResponse, headers: Headers): Body | null {
  const content = option(given, 'content', null)
  const text = option(given, 'text', null)
  const json = option(given, 'json', undefined)
  if ([content !== null, text !== null, json !== undefined].filter(Boolean).length > 1) {
    throw new TypeError("a mock's response has more than one of content, text and json")
  }
  if (text !== null) return typed(headers, 'text/plain; charset=utf-8', text)
  if (json === undefined) return checked(content)
  const serialized: string | undefined = JSON.stringify(json)
  if (serialized === undefined) throw new TypeError("a mock's json cannot be written as JSON")
  return typed(headers, 'application/json', serialized)
}

function typed(headers: Headers, contentType: string, text: unknown): string {
  if (typeof text !== 'string') throw new TypeError("a mock's text must be a string")
  if (!headers.has('content-type')) headers.set('content-type', contentType)
  return text
}

function checked(content: unknown): Body | null {
  if (content === null || typeof content === 'string' || content instanceof Uint8Array) {
    return content
  }
  if (typeof content === 'object') {
    if (Symbol.asyncIterator in content || Symbol.iterator in content) return content as Body
  }
  throw new TypeError("a mock's content must be a string, bytes or an iterable of bytes; see json")
}
