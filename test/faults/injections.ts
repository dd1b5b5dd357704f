import type { Exchange } from './exchange.ts'
import type { FaultKind, Injection } from './injection.ts'
import type { Peer } from './peer.ts'

const DOWN: readonly FaultKind[] = ['end', 'reset', 'stall', 'split', 'abort', 'close pool']
const UP: readonly FaultKind[] = [...DOWN, 'close']
const DIAL: readonly FaultKind[] = ['reset', 'stall', 'abort', 'close pool']
const EVENT: readonly FaultKind[] = ['abort', 'close pool']

/** How many bytes and bits are tried. */
export interface Coverage {
  /**
   * The maximum number of bytes of each message and request. The first and the last are included.
   */
  readonly bytes: number
  /** Whether each bit of a byte is flipped, or only one, in turn. */
  readonly allBits: boolean
}

/**
 * Yields all faults for an exchange. `dryRun` has the messages and dials of a run without a fault.
 */
export function* injectionsFor(
  exchange: Exchange,
  dryRun: Peer,
  coverage: Coverage,
): Generator<Injection> {
  for (const index of dryRun.dialled.keys()) {
    for (const fault of DIAL) yield { fault, at: 'dial', index, offset: 0 }
  }
  const upgrades = exchange.answers.some(({ framing }) => framing === 'upgrade')
  const { events } = dryRun
  const last = events.lastIndexOf('request:end')
  // A connection that serves no other request is closed before its exchange ends.
  const end = events[last - 1] === 'connection:close' ? last - 1 : last
  for (const index of events.keys()) {
    for (const fault of EVENT) {
      yield { fault, at: 'event', index, offset: 0, isAfterEnd: index >= end }
    }
  }
  const down = upgrades ? DOWN : [...DOWN, 'close response' as const, 'forget' as const]
  for (const [index, { message, from, to }] of dryRun.sent.entries()) {
    const { length } = message.text
    // The end of a message that is not final is the start of the next one, which gets the fault.
    for (const offset of offsets(0, message.isFinal ? length + 1 : length, coverage)) {
      for (const fault of down) {
        // The next request may use the same connection, and gets the stall.
        if (fault === 'stall' && offset === length && index < dryRun.sent.length - 1) continue
        yield { fault, at: 'down', index, offset }
      }
      if (offset === length) continue
      const bits = coverage.allBits ? [0, 1, 2, 3, 4, 5, 6, 7] : [offset % 8]
      for (const bit of bits) yield { fault: 'flip', at: 'down', index, offset, bit }
    }
    for (const offset of offsets(from, to, coverage)) {
      for (const fault of UP) yield { fault, at: 'up', index, offset }
    }
  }
}

/** Yields the offsets from `from` to `to - 1`: all of them, or `bytes` of them, evenly spaced. */
function* offsets(from: number, to: number, { bytes }: Coverage): Generator<number> {
  const last = to - 1 - from
  const count = Math.min(last + 1, bytes)
  for (let i = 0; i < count; i++) {
    yield from + (count === 1 ? 0 : Math.round((i * last) / (count - 1)))
  }
}
