import type { Answer } from './exchange.ts'
import type { Greeting } from './routes.ts'

/**
 * A fault that is injected into a call.
 *
 * Faults of the peer:
 * - `end`: it sends a FIN, and still accepts what is sent to it.
 * - `close`: it sends a FIN, and writes to it fail.
 * - `reset`: it sends an RST.
 * - `stall`: it sends and accepts no more bytes.
 * - `split`: it pauses, so that the next bytes arrive in a separate read.
 * - `flip`: it sends one bit inverted.
 *
 * Faults of the caller: `abort` by the signal, `close pool`, `close response` while it arrives, and
 * `forget`: it never reads what follows, and does not close the response.
 */
export type FaultKind = PeerFault | CallerFault
export type PeerFault = 'end' | 'close' | 'reset' | 'stall' | 'split' | 'flip'
export type CallerFault = 'abort' | 'close pool' | 'close response' | 'forget'

/** One fault, at one byte or event. */
export interface Injection {
  readonly fault: FaultKind
  /**
   * `down`: after `offset` bytes of the message. `up`: after `offset` bytes of the request that the
   * message answers. `dial`: before a step of opening a connection. `event`: in the `trace` function.
   */
  readonly at: 'down' | 'up' | 'dial' | 'event'
  /** The number of the peer's message, of the step among all dials, or of the event. */
  readonly index: number
  readonly offset: number
  /** Only for `flip`: 0 to 7. */
  readonly bit?: number
  /** Only for `event`: whether the event follows the end of the last exchange of the call. */
  readonly isAfterEnd?: boolean
}

/** Bytes that the peer sends at once. */
export interface Message {
  /**
   * Sent after the head of a request, after a whole request, or after the bytes a proxy waits for.
   */
  readonly sentAfter: 'head' | 'whole' | Greeting
  /** Latin1. */
  readonly text: string
  /** The position of the body of the final response. */
  readonly headEnd: number
  /** How many bytes the call needs. `Infinity` means that it needs the end of the connection. */
  readonly neededLength: number
  /** Whether a FIN follows the message. */
  readonly endsConnection: boolean
  /** Whether the message completes the response. */
  readonly isFinal: boolean
  /** Whether the message completes the call. */
  readonly isLast: boolean
}

export function greetingMessage(greeting: Greeting): Message {
  const { length } = greeting.says
  return {
    sentAfter: greeting,
    text: greeting.says,
    headEnd: length,
    neededLength: length,
    endsConnection: false,
    isFinal: false,
    isLast: false,
  }
}

/** Returns the messages that the peer sends for the requests of an exchange, in order. */
export function messagesOf(answers: readonly Answer[]): Message[] {
  return answers.flatMap((answer, i) => messagesOfOne(answer, i === answers.length - 1))
}

function messagesOfOne(answer: Answer, isLast: boolean): Message[] {
  const { interim, isEarly = false, informational = '', head, body = '', framing } = answer
  const text = informational + head + body
  const headEnd = informational.length + head.length
  const endsConnection = framing === 'until-close'
  // The call does not need the body of a response that leads to another request, nor the first
  // bytes after an upgrade.
  const wholeLength = endsConnection ? Number.POSITIVE_INFINITY : text.length
  const neededLength = isLast && framing !== 'upgrade' ? wholeLength : headEnd
  const final: Message = {
    sentAfter: isEarly ? 'head' : 'whole',
    text,
    headEnd,
    neededLength,
    endsConnection,
    isFinal: true,
    isLast,
  }
  if (interim === undefined) return [final]
  const common = {
    headEnd: interim.length,
    neededLength: interim.length,
    endsConnection: false,
    isFinal: false,
    isLast: false,
  }
  return [{ sentAfter: 'head', text: interim, ...common }, final]
}
