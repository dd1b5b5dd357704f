import type { DispatchRequest } from '../../src/engine.ts'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import type { RouteName } from './routes.ts'

/** How the end of a response is marked. `upgrade`: another protocol follows the head. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close' | 'upgrade'

/** What the peer sends for one request, as latin1. */
export interface Answer {
  /** Sent when the head of the request has arrived, as a request with Expect needs it. */
  readonly interim?: string
  /** Whether the final response, too, is sent when the head of the request has arrived. */
  readonly isEarly?: boolean
  /** 1xx responses that precede the head. */
  readonly informational?: string
  readonly head: string
  /** The encoded body, with chunks. */
  readonly body?: string
  readonly framing: Framing
}

/** One call of the corpus, and all responses that the peer sends. */
export interface Exchange {
  readonly name: string
  /** Default `direct`. */
  readonly route?: RouteName
  /** Default `http`. */
  readonly scheme?: 'http' | 'https'
  /** Whether the connection has served another request before. */
  readonly warm?: boolean
  /**
   * Whether the peer then closes this connection without announcing it: behind its response, before
   * the event loop has polled the connection. The call gets a new one.
   */
  readonly closesWarm?: boolean
  /** In the order of the requests that they answer. */
  readonly answers: readonly Answer[]
  /**
   * Makes the request for `pool.dispatch`: a new one each time, because content may be one-shot.
   */
  readonly dispatch?: () => Partial<DispatchRequest>
  /** Makes the call of a client, used instead of `dispatch`. */
  readonly call?: () => ClientCall
  /** Whether the content cannot be sent a second time. */
  readonly isOneShot?: boolean
  readonly result: Result
}

export interface ClientCall {
  readonly method: string
  readonly options?: RequestOptions
  readonly client?: ClientOptions
}

/** The result of a call without a fault. */
export interface Result {
  readonly status: number
  /** Decoded, as latin1. */
  readonly body?: string
  readonly trailers?: readonly (readonly [string, string])[]
  /** How many 1xx responses the handler receives. Only for `dispatch`. */
  readonly informational?: number
  /** Statuses of the responses before the last one. Only for a client. */
  readonly history?: readonly number[]
}

export const BODY = 'hello, world'

/** A complete response with Content-Length. */
export function answer(status: number, fields: readonly string[] = [], body = ''): Answer {
  const lines = [`HTTP/1.1 ${status} Reason`, ...fields, `Content-Length: ${body.length}`]
  return { head: `${lines.join('\r\n')}\r\n\r\n`, body, framing: 'length' }
}

export const OK: Answer = answer(200, [], BODY)

/** Encodes a body in chunks of these sizes, repeated as needed. */
export function chunked(body: string, sizes: readonly number[], trailers = ''): string {
  let text = ''
  let turn = 0
  for (let at = 0; at < body.length; ) {
    const piece = body.slice(at, at + (sizes[turn++ % sizes.length] ?? 1))
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`
    at += piece.length
  }
  return `${text}0\r\n${trailers}\r\n`
}
