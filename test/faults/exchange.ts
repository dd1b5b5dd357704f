import type { DispatchRequest } from '../../src/engine.ts'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import type { RouteName } from './routes.ts'

/** How the end of an answer is told. `upgrade`: the connection speaks another protocol behind the head. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close' | 'upgrade'

/** What the peer says to one request, as latin1. */
export interface Answer {
  /** Said as soon as the request's head is here, as a request with Expect wants it. */
  readonly interim?: string
  /** The answer, too, is said as soon as the head is here. */
  readonly early?: boolean
  /** 1xx in front of it. */
  readonly before?: string
  readonly head: string
  /** As it stands on the wire. */
  readonly body?: string
  readonly framing: Framing
}

/** One call of the corpus, and all that the peer says to it. */
export interface Exchange {
  readonly name: string
  /** Default `direct`. */
  readonly route?: RouteName
  /** Default `http`. */
  readonly scheme?: 'http' | 'https'
  /** The connection has served another request before. */
  readonly warm?: boolean
  /** In the order of the requests that they answer. */
  readonly answers: readonly Answer[]
  /** By `pool.dispatch`; new each time, since some content can be read only once. */
  readonly dispatch?: () => Partial<DispatchRequest>
  /** Instead: by a client. */
  readonly call?: () => ClientCall
  /** The content cannot be sent a second time. */
  readonly oneShot?: boolean
  readonly result: Result
}

export interface ClientCall {
  readonly method: string
  readonly options?: RequestOptions
  readonly client?: ClientOptions
}

/** How a call ends that nobody disturbs. */
export interface Result {
  readonly status: number
  /** Decoded, as latin1. */
  readonly body?: string
  readonly trailers?: readonly (readonly [string, string])[]
  /** How many 1xx the caller hears of: of `dispatch` alone. */
  readonly informational?: number
  /** The statuses on the way: of a client alone. */
  readonly history?: readonly number[]
}

export const BODY = 'hello, world'

/** A whole answer with a length. */
export function answer(status: number, fields: readonly string[] = [], body = ''): Answer {
  const lines = [`HTTP/1.1 ${status} Said`, ...fields, `Content-Length: ${body.length}`]
  return { head: `${lines.join('\r\n')}\r\n\r\n`, body, framing: 'length' }
}

export const OK: Answer = answer(200, [], BODY)

/** In chunks of these sizes, as often as needed. */
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
