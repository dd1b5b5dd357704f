// What has to come of a strike: derived from where it hit, what had been sent and said by then, and what
// HTTP allows. Nothing here asks the engine what it thinks.
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
import type { Peer, Struck } from './peer.ts'
import { RESET } from './peer.ts'
import { headLength } from './request-bytes.ts'
import { routes } from './routes.ts'
import type { Message, Strike } from './strike.ts'

type Type = new (...args: never[]) => Error

export type Expectation =
  /** As if nothing had happened. */
  | { readonly of: 'nothing' }
  /** `hasHead`: what came before it was delivered. */
  | {
      readonly of: 'error'
      readonly type: Type
      readonly facts: ErrorFacts
      readonly hasHead: boolean
    }
  /** A body that lasts until close is what came of it. */
  | { readonly of: 'until-close'; readonly raw: string }
  /** The signal's reason. */
  | { readonly of: 'abort' }
  | { readonly of: 'close pool' }
  | { readonly of: 'close response' }
  /** Nobody can tell: any response, or an error of ours. */
  | { readonly of: 'flip' }

const NOTHING: Expectation = { of: 'nothing' }

/** RFC 9110 9.2.2 */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']

/** @param wasOver the call had ended when its caller did the harm */
export function expectedOf(
  exchange: Exchange,
  strike: Strike,
  peer: Peer,
  wasOver: boolean,
): Expectation {
  if (peer.struck === null && peer.struckDial === null) throw new Error('it was not struck')
  switch (strike.harm) {
    case 'split':
      return NOTHING
    case 'flip':
    case 'close response':
      return { of: strike.harm }
    case 'abort':
    case 'close pool':
      return isOver(strike, peer.struck, wasOver) ? NOTHING : { of: strike.harm }
  }
  if (peer.struckDial !== null) return ofDial(exchange, strike, peer)
  return ofBytes(exchange, strike, peer, peer.struck as Struck)
}

/** Whether a call that its caller ends was over by then; `seen` is for where that depends on the caller's own. */
function isOver({ at, offset }: Strike, struck: Struck | null, seen: boolean): boolean {
  if (at !== 'down' || struck === null) return false
  const { isLast, on, done } = struck.message
  return isLast && on !== 'head' ? offset >= done : seen
}

/** Nothing of the request has been sent: it may always be sent again. */
const UNSENT = { bytesSent: 0, responseStarted: false, reusedConnection: false } as const

function ofDial(exchange: Exchange, { harm, index }: Strike, peer: Peer): Expectation {
  const { proxy } = routes[exchange.route ?? 'direct']
  const step = peer.dialled[index]
  // With an https proxy the first TLS is the proxy's.
  const isOfProxy =
    proxy?.url.startsWith('https:') === true && peer.dialled[index - 1] === 'connect'
  const phase = step === 'connect' ? 'tcp' : isOfProxy ? 'proxy' : 'tls'
  const atProxy = proxy !== null && phase !== 'tls'
  const type = harm === 'stall' ? ConnectTimeout : atProxy ? ProxyError : ConnectError
  return error(exchange, type, { ...UNSENT, phase, safeToRetry: !hasDone(peer) })
}

function ofBytes(exchange: Exchange, strike: Strike, peer: Peer, struck: Struck): Expectation {
  const { harm, at } = strike
  const { message, wire, reused, started, waiting } = struck
  if (typeof message.on === 'object') {
    const type = harm === 'stall' ? ConnectTimeout : ProxyError
    return error(exchange, type, { ...UNSENT, phase: 'proxy', safeToRetry: !hasDone(peer) })
  }
  const said = at === 'down' ? strike.offset : 0
  const isSent = at === 'down' && wire.isSent
  const isHeadHere = said >= message.headEnd && message.isFinal
  // An error does not want the rest of the content. RFC 9112 9.5
  const isSending = !isSent && !(isHeadHere && statusOf(message) >= 300)
  if (at === 'down' && said >= message.done && !(harm === 'stall' && isSending)) return NOTHING
  if (message.ends && harm === 'end' && isHeadHere) {
    return { of: 'until-close', raw: message.text.slice(message.headEnd, said) }
  }
  const isIdempotent = IDEMPOTENT.includes(struck.method)
  const isGone =
    exchange.oneShot === true && !(awaitsContinue(struck) && (harm !== 'stall' || at === 'up'))
  const isRepeatable = !started && isIdempotent && !isGone
  // Once, on a new connection: the kept one may have been closed before anything came to it.
  if (harm !== 'stall' && reused && isRepeatable) return NOTHING

  const facts: ErrorFacts = {
    phase: isSending ? 'write' : isHeadHere ? 'read' : 'wait',
    bytesSent: wire.handed.length,
    responseStarted: started,
    reusedConnection: reused,
    safeToRetry: isRepeatable && !hasDone(peer),
  }
  if (harm === 'reset') return error(exchange, ReadError, { ...facts, cause: RESET }, isHeadHere)
  const isUnsent = harm === 'close' && waiting && !started
  const late = isSending ? WriteTimeout : ReadTimeout
  const cut = isUnsent ? WriteError : RemoteProtocolError
  return error(exchange, harm === 'stall' ? late : cut, facts, isHeadHere)
}

/** What may be sent again is, where the caller asked for that. */
function error(exchange: Exchange, type: Type, facts: ErrorFacts, hasHead = false): Expectation {
  const retries = exchange.call?.().options?.retries ?? 0
  return retries > 0 && facts.safeToRetry ? NOTHING : { of: 'error', type, facts, hasHead }
}

/** Something that must not happen twice has been done before a redirect. */
function hasDone({ said, struck }: Peer): boolean {
  return said.some(
    ({ message, method }) =>
      message !== struck?.message && isRedirect(message) && !IDEMPOTENT.includes(method),
  )
}

/** None of the content has been asked for. */
function awaitsContinue({ message, wire }: Struck): boolean {
  return !message.isFinal && wire.handed.length === headLength(wire.handed)
}

function isRedirect(message: Message): boolean {
  return message.isFinal && Math.trunc(statusOf(message) / 100) === 3
}

/** Of the final response. */
function statusOf({ text, headEnd }: Message): number {
  const statuses = [...text.slice(0, headEnd).matchAll(/(?:^|\r\n)HTTP\/1\.\d (\d+)/g)]
  return Number(statuses.at(-1)?.[1])
}
