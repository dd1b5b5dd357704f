import { Pull } from '../../content/pull.ts'
import type { HeadersInit } from '../../models/headers.ts'
import { Headers } from '../../models/headers.ts'
import { checkOptions, option } from '../../models/options.ts'
import type { Body } from '../../models/request.ts'
import { fetchAnswer, isResponse, reasonOf } from '../apps/fetch-app.ts'
import type { LocalAnswer } from './local-call.ts'

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

const NAMES = ['status', 'statusText', 'headers', 'content', 'text', 'json', 'trailers'] as const

/** The answer that a handler's result means. Throws `TypeError` that says what is wrong with it. */
export function mockAnswer(given: unknown): LocalAnswer {
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
    content: bytes === null ? null : new Pull(hasLength ? [bytes] : bytes),
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
