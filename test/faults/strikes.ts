import type { Exchange } from './exchange.ts'
import type { Peer } from './peer.ts'
import type { Harm, Strike } from './strike.ts'

const DOWN: readonly Harm[] = ['end', 'reset', 'stall', 'split', 'abort', 'close pool']
const UP: readonly Harm[] = [...DOWN, 'close']
const DIAL: readonly Harm[] = ['reset', 'stall', 'abort', 'close pool']

/** How much is tried. */
export interface Effort {
  /** So many bytes of each message and each request at the most, the first and the last among them. */
  readonly bytes: number
  /** Each bit of a byte, or one of them in turn. */
  readonly allBits: boolean
}

/** All that can befall an exchange, by what was said and dialled when nothing did. */
export function* strikesOf(exchange: Exchange, dry: Peer, effort: Effort): Generator<Strike> {
  for (const index of dry.dialled.keys()) {
    for (const harm of DIAL) yield { harm, at: 'dial', index, offset: 0 }
  }
  const upgrades = exchange.answers.some(({ framing }) => framing === 'upgrade')
  const down = upgrades ? DOWN : [...DOWN, 'close response' as const]
  for (const [index, { message, from, to }] of dry.said.entries()) {
    const { length } = message.text
    // Behind what is not final the next message begins, which is struck there.
    for (const offset of offsets(0, message.isFinal ? length + 1 : length, effort)) {
      for (const harm of down) {
        // The next request may go on the connection that stalls, and is struck there.
        if (harm === 'stall' && offset === length && index < dry.said.length - 1) continue
        yield { harm, at: 'down', index, offset }
      }
      if (offset === length) continue
      const bits = effort.allBits ? [0, 1, 2, 3, 4, 5, 6, 7] : [offset % 8]
      for (const bit of bits) yield { harm: 'flip', at: 'down', index, offset, bit }
    }
    for (const offset of offsets(from, to, effort)) {
      for (const harm of UP) yield { harm, at: 'up', index, offset }
    }
  }
}

/** From `from`, to before `to`: all, or so many of them in even steps. */
function* offsets(from: number, to: number, { bytes }: Effort): Generator<number> {
  const last = to - 1 - from
  const count = Math.min(last + 1, bytes)
  for (let i = 0; i < count; i++) {
    yield from + (count === 1 ? 0 : Math.round((i * last) / (count - 1)))
  }
}
