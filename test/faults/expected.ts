// Computes the expected outcome of an injected fault from its place, from what both sides had sent
// by then, and from the rules of HTTP. It uses no code of the engine.
import type { ErrorFacts } from '../../src/index.ts'
import {
  ConnectError,
  ConnectTimeout,
  ProxyError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  WriteError,
  WriteTimeout,
} from '../../src/index.ts'
import type { Exchange } from './exchange.ts'
import type { Injection, Message } from './injection.ts'
import type { InjectionPoint, Peer } from './peer.ts'
import { RESET } from './peer.ts'
import { headLength } from './request-bytes.ts'
import { routes } from './routes.ts'

type Type = new (...args: never[]) => Error

export type Expectation =
  /** The call succeeds as if there were no fault. */
  | { readonly outcome: 'success' }
  /** `hasHead`: the head was delivered before the error. */
  | {
      readonly outcome: 'error'
      readonly type: Type
      readonly facts: ErrorFacts
      readonly hasHead: boolean
    }
  /** A body without a length ends with the connection, so the call succeeds with the part `raw`. */
  | { readonly outcome: 'until-close'; readonly raw: string }
  /** The call fails with the reason of the abort signal. */
  | { readonly outcome: 'abort' }
  | { readonly outcome: 'close pool' }
  | { readonly outcome: 'close response' }
  /** The call succeeds, or the response waits for its reader and holds only its connection. */
  | { readonly outcome: 'forget' }
  /** The call fails with the fault of its caller; it succeeds only if it had ended before. */
  | { readonly outcome: 'ended in a listener' }
  /** The outcome cannot be predicted: any response, or an error of Hawser. */
  | { readonly outcome: 'flip' }

const SUCCESS: Expectation = { outcome: 'success' }

/** Those of the exchanges. RFC 9110 9.2.2 */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']

/** @param wasOver whether the call had already ended when its caller caused the fault */
export function expectedOf(
  exchange: Exchange,
  injection: Injection,
  peer: Peer,
  wasOver: boolean,
): Expectation {
  if (injection.at === 'event') {
    if (peer.events.length <= injection.index) throw new Error('the event did not occur')
    return { outcome: 'ended in a listener' }
  }
  if (peer.injectionPoint === null && peer.failedDialStep === null)
    throw new Error('the fault was not injected')
  switch (injection.fault) {
    case 'split':
      return SUCCESS
    case 'flip':
    case 'close response':
    case 'forget':
      return { outcome: injection.fault }
    case 'abort':
    case 'close pool':
      return isOver(injection, peer.injectionPoint, wasOver)
        ? SUCCESS
        : { outcome: injection.fault }
  }
  if (peer.failedDialStep !== null) return expectedOfDial(exchange, injection, peer)
  return expectedOfBytes(exchange, injection, peer, peer.injectionPoint as InjectionPoint)
}

/**
 * Whether the call had ended before its caller caused the fault.
 *
 * @param wasOver what the caller itself saw, used if the messages do not decide it
 */
function isOver(
  { at, offset }: Injection,
  point: InjectionPoint | null,
  wasOver: boolean,
): boolean {
  if (at !== 'down' || point === null) return false
  const { isLast, sentAfter, neededLength } = point.message
  return isLast && sentAfter !== 'head' ? offset >= neededLength : wasOver
}

/** No byte of the request has been sent, so it may always be sent again. */
const UNSENT = { bytesSent: 0, responseStarted: false, reusedConnection: false } as const

function expectedOfDial(exchange: Exchange, { fault, index }: Injection, peer: Peer): Expectation {
  const { proxy } = routes[exchange.route ?? 'direct']
  const step = peer.dialled[index]
  // With an https proxy, the first TLS handshake is the one with the proxy.
  const isOfProxy =
    proxy?.url.startsWith('https:') === true && peer.dialled[index - 1] === 'connect'
  const phase = step === 'connect' ? 'tcp' : isOfProxy ? 'proxy' : 'tls'
  const atProxy = proxy !== null && phase !== 'tls'
  const type = fault === 'stall' ? ConnectTimeout : atProxy ? ProxyError : ConnectError
  return error(exchange, type, { ...UNSENT, phase, safeToRetry: !followsUnsafeRequest(peer) })
}

function expectedOfBytes(
  exchange: Exchange,
  injection: Injection,
  peer: Peer,
  point: InjectionPoint,
): Expectation {
  const { fault, at } = injection
  const { message, connection, reused, responseStarted, hasPendingBytes } = point
  if (typeof message.sentAfter === 'object') {
    const type = fault === 'stall' ? ConnectTimeout : ProxyError
    return error(exchange, type, {
      ...UNSENT,
      phase: 'proxy',
      safeToRetry: !followsUnsafeRequest(peer),
    })
  }
  const sent = at === 'down' ? injection.offset : 0
  const isSent = at === 'down' && connection.isSent
  const hasHeadArrived = sent >= message.headEnd && message.isFinal
  // After an error response, the client stops sending the content. RFC 9112 9.5
  const isSending = !isSent && !(hasHeadArrived && statusOf(message) >= 300)
  // A complete response does not wait for the rest of the request.
  if (at === 'down' && sent >= message.neededLength) return SUCCESS
  if (message.endsConnection && fault === 'end' && hasHeadArrived) {
    return { outcome: 'until-close', raw: message.text.slice(message.headEnd, sent) }
  }
  const isIdempotent = IDEMPOTENT.includes(point.method)
  const isGone =
    exchange.isOneShot === true && !(awaitsContinue(point) && (fault !== 'stall' || at === 'up'))
  const isRepeatable = !responseStarted && isIdempotent && !isGone
  // The client repeats the request once on a new connection, because the server may have closed the
  // reused one before the request reached it.
  if (fault !== 'stall' && reused && isRepeatable) return SUCCESS

  // A head that has begun must arrive in time, whatever the upload does.
  const isHeadLate = fault === 'stall' && isInHead(message, sent)
  const facts: ErrorFacts = {
    phase: isHeadLate ? 'wait' : isSending ? 'write' : hasHeadArrived ? 'read' : 'wait',
    bytesSent: connection.written.length,
    responseStarted,
    reusedConnection: reused,
    safeToRetry: isRepeatable && !followsUnsafeRequest(peer),
  }
  if (fault === 'reset')
    return error(exchange, ReadError, { ...facts, cause: RESET }, hasHeadArrived)
  const isUnsent = fault === 'close' && hasPendingBytes && !responseStarted
  const late = isSending && !isHeadLate ? WriteTimeout : ReadTimeout
  const cut = isUnsent ? WriteError : RemoteProtocolError
  return error(exchange, fault === 'stall' ? late : cut, facts, hasHeadArrived)
}

/** The expectation of an error, or of success if the caller allowed retries and a retry is safe. */
function error(exchange: Exchange, type: Type, facts: ErrorFacts, hasHead = false): Expectation {
  const retries = exchange.call?.().options?.retries ?? 0
  return retries > 0 && facts.safeToRetry ? SUCCESS : { outcome: 'error', type, facts, hasHead }
}

/** Whether a request with a non-idempotent method led to this one by a redirect. */
function followsUnsafeRequest({ sent, injectionPoint: point }: Peer): boolean {
  return sent.some(
    ({ message, method }) =>
      message !== point?.message && isRedirect(message) && !IDEMPOTENT.includes(method),
  )
}

/** Whether the peer has not sent the 100 yet, so that no content was sent. */
function awaitsContinue({ message, connection }: InjectionPoint): boolean {
  return !message.isFinal && connection.written.length === headLength(connection.written)
}

/** Whether `sent` bytes of a message end within a head. */
function isInHead({ text, headEnd, isFinal }: Message, sent: number): boolean {
  return (
    sent > 0 && sent < (isFinal ? headEnd : text.length) && !text.startsWith('\r\n\r\n', sent - 4)
  )
}

function isRedirect(message: Message): boolean {
  return message.isFinal && Math.trunc(statusOf(message) / 100) === 3
}

/** The status of the final response. */
function statusOf({ text, headEnd }: Message): number {
  const statuses = [...text.slice(0, headEnd).matchAll(/(?:^|\r\n)HTTP\/1\.\d (\d+)/g)]
  return Number(statuses.at(-1)?.[1])
}
