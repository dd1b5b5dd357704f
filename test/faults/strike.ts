import type { Answer } from './exchange.ts'
import type { Greeting } from './routes.ts'

/**
 * What befalls a call.
 *
 * Of the peer's making:
 * - `end`: FIN; what is sent to it is taken all the same.
 * - `close`: FIN, and what is sent to it fails.
 * - `reset`: RST.
 * - `stall`: nothing more comes, and nothing more is taken.
 * - `split`: a pause, as between two reads.
 * - `flip`: one bit is the other way round.
 *
 * Of the caller's: `abort` by the signal, `close pool`, and `close response`, which goes on to be said.
 */
export type Harm = PeerHarm | CallerHarm
export type PeerHarm = 'end' | 'close' | 'reset' | 'stall' | 'split' | 'flip'
export type CallerHarm = 'abort' | 'close pool' | 'close response'

/** One harm, at one byte. */
export interface Strike {
  readonly harm: Harm
  /**
   * `down`: `offset` bytes of the message have been said. `up`: so many of the request that it answers
   * have been taken, since that request began. `dial`: before that step of a connection.
   */
  readonly at: 'down' | 'up' | 'dial'
  /** Which of the peer's messages, in the order in which they are said; which step of all dials. */
  readonly index: number
  readonly offset: number
  /** Of `flip`: 0 to 7. */
  readonly bit?: number
}

/** Something that the peer says in one go. */
export interface Message {
  /** When: as soon as the head of a request is here, or all of it, or what a proxy waits for. */
  readonly on: 'head' | 'whole' | Greeting
  /** Latin1. */
  readonly text: string
  /** Where the final response has its body. */
  readonly headEnd: number
  /** So many bytes are all that the call needs of it; `Infinity`: its end. */
  readonly done: number
  /** FIN stands behind it. */
  readonly ends: boolean
  /** The answer is complete with it. */
  readonly isFinal: boolean
  /** So is the call. */
  readonly isLast: boolean
}

export function greetingMessage(greeting: Greeting): Message {
  const { length } = greeting.says
  return {
    on: greeting,
    text: greeting.says,
    headEnd: length,
    done: length,
    ends: false,
    isFinal: false,
    isLast: false,
  }
}

/** What the peer says to the requests of an exchange, in order. */
export function messagesOf(answers: readonly Answer[]): Message[] {
  return answers.flatMap((answer, i) => messagesOfOne(answer, i === answers.length - 1))
}

function messagesOfOne(answer: Answer, isLast: boolean): Message[] {
  const { interim, early = false, before = '', head, body = '', framing } = answer
  const text = before + head + body
  const headEnd = before.length + head.length
  const ends = framing === 'until-close'
  // Of an answer that leads to another request the body is not needed, nor are the first bytes of an upgrade.
  const whole = ends ? Number.POSITIVE_INFINITY : text.length
  const done = isLast && framing !== 'upgrade' ? whole : headEnd
  const final: Message = {
    on: early ? 'head' : 'whole',
    text,
    headEnd,
    done,
    ends,
    isFinal: true,
    isLast,
  }
  if (interim === undefined) return [final]
  const all = {
    headEnd: interim.length,
    done: interim.length,
    ends: false,
    isFinal: false,
    isLast: false,
  }
  return [{ on: 'head', text: interim, ...all }, final]
}
