import { types } from 'node:util'
import { ClosableIterator } from '../../content/closable-iterator.ts'
import type { HeadersInit } from '../../models/headers.ts'
import { Headers } from '../../models/headers.ts'
import { checkFunction, checkOptions, option, withoutPrototype } from '../../models/options.ts'
import type { Body } from '../../models/request.ts'
import { BaseDispatcher } from '../../pool/base-dispatcher.ts'
import { fromFetchResponse, isFetchResponse, reasonPhraseOf } from '../apps/fetch-app.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { InProcessResponse } from './in-process-call.ts'
import { InProcessCall } from './in-process-call.ts'
import { inProcessParts } from './in-process-parts.ts'
import { readRequestContent, receivedHeaders, targetUri } from './in-process-request.ts'

/** A request as passed to a mock handler. */
export interface MockRequest {
  /** The method, as the caller wrote it. */
  readonly method: string
  /** The target URI, without userinfo and fragment. */
  readonly url: URL
  /** The header fields that would have been sent, including Host. */
  readonly headers: Headers
  /** The whole content; empty if there is none. */
  readonly content: Uint8Array
}

/**
 * A response described by a mock handler. At most one of `content`, `text` and `json` may be set.
 */
export interface MockResponse {
  /** The status code. Default 200. */
  readonly status?: number | undefined
  /** The reason phrase. Default: the standard one for the status. */
  readonly statusText?: string | undefined
  /** The header fields. Default: only those that the content implies. */
  readonly headers?: HeadersInit | null | undefined
  /**
   * The content: a string (sent as UTF-8), bytes, or an iterable. An iterable is read as the caller
   * consumes the response; if it throws, reading the response fails.
   */
  readonly content?: Body | null | undefined
  /**
   * Text, sent as UTF-8. Sets Content-Type to `text/plain; charset=utf-8` unless `headers` has one.
   */
  readonly text?: string | undefined
  /** A value sent as JSON. Sets Content-Type to `application/json` unless `headers` has one. */
  readonly json?: unknown
  /** Fields after the content. Default: none. */
  readonly trailers?: HeadersInit | undefined
}

type MockResult = MockResponse | globalThis.Response

/** Returns the response to a request. If it throws or rejects, the call fails with that error. */
export type MockHandler = (request: MockRequest) => MockResult | PromiseLike<MockResult>

/**
 * Answers every request with a function, for tests of code that uses a client. Requests are
 * reported to the diagnostics channels, and to the `trace` of the client that sends them.
 */
export class MockDispatcher extends BaseDispatcher implements Dispatcher {
  /**
   * @param handler receives the request, whose content has been read, and returns a description of
   *   the response, or a fetch `Response`. If it throws, the call fails with that error: throw a
   *   `ConnectTimeout` to simulate one.
   * @throws TypeError if `handler` is not a function
   */
  constructor(handler: MockHandler) {
    checkFunction('handler', handler)
    super(
      inProcessParts((exchange, request) => {
        const call = new InProcessCall(exchange, true)
        void call.run(async () => {
          const { request: outgoing } = exchange
          const mockRequest: MockRequest = {
            method: outgoing.method,
            url: new URL(targetUri(outgoing)),
            headers: receivedHeaders(outgoing),
            content: await readRequestContent(call, option(request, 'body', null)),
          }
          return toInProcessResponse(await handler(mockRequest))
        })
      }),
    )
  }
}

const RESPONSE_MEMBERS = [
  'status',
  'statusText',
  'headers',
  'content',
  'text',
  'json',
  'trailers',
] as const

/** Converts the result of a handler. Throws `TypeError` if it is not a valid response. */
function toInProcessResponse(result: unknown): InProcessResponse {
  if (isFetchResponse(result)) return fromFetchResponse(result)
  const described = result as MockResponse
  checkOptions('MockResponse', described, RESPONSE_MEMBERS)
  const given = withoutPrototype(described)
  const { status = 200, statusText = reasonPhraseOf(status) } = given
  const headers = new Headers(given.headers)
  const body = bodyOf(described, headers)
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const hasLength = bytes === null || types.isUint8Array(bytes)
  if (hasLength && status !== 204 && status !== 304 && !headers.has('content-length')) {
    headers.set('content-length', bytes === null ? 0 : bytes.length)
  }
  return {
    head: {
      status,
      statusText,
      httpVersion: '1.1',
      headers,
    },
    content: bytes === null ? null : new ClosableIterator(hasLength ? [bytes] : bytes),
    allowsText: true,
    trailers: new Headers(given.trailers),
  }
}

function bodyOf(described: MockResponse, headers: Headers): Body | null {
  const { content = null, text = null, json } = withoutPrototype(described)
  if ([content !== null, text !== null, json !== undefined].filter(Boolean).length > 1) {
    throw new TypeError('MockResponse: content, text and json cannot be combined')
  }
  if (text !== null) return withContentType(headers, 'text/plain; charset=utf-8', text)
  if (json === undefined) return checkedContent(content)
  const serialized: string | undefined = JSON.stringify(json)
  if (serialized === undefined)
    throw new TypeError('MockResponse: json must be a value that JSON can represent')
  return withContentType(headers, 'application/json', serialized)
}

function withContentType(headers: Headers, contentType: string, text: unknown): string {
  if (typeof text !== 'string') throw new TypeError('MockResponse: text must be a string')
  if (!headers.has('content-type')) headers.set('content-type', contentType)
  return text
}

function checkedContent(content: unknown): Body | null {
  if (content === null || typeof content === 'string' || types.isUint8Array(content)) {
    return content
  }
  if (typeof content === 'object') {
    if (Symbol.asyncIterator in content || Symbol.iterator in content) return content as Body
  }
  throw new TypeError(
    'MockResponse: content must be a string, bytes or an iterable of bytes; for an object use json',
  )
}
