import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectionEvent, ConnectionState } from '../../src/connection/states.ts'
import { nextState } from '../../src/connection/states.ts'

const events: readonly ConnectionEvent[] = ['start', 'finish', 'upgrade', 'close']

/** What follows each event, in the order of `events`; null where it has no place. */
const table: Record<ConnectionState, readonly (ConnectionState | null)[]> = {
  idle: ['exchanging', null, null, 'closed'],
  exchanging: [null, 'idle', 'upgraded', 'closed'],
  upgraded: [null, null, null, null],
  closed: [null, null, null, null],
}

for (const [state, row] of Object.entries(table) as [ConnectionState, (typeof table)['idle']][]) {
  for (const [i, event] of events.entries()) {
    const expected = row[i]
    test(`${event} when ${state}: ${expected ?? 'a mistake'}`, () => {
      if (expected !== null) assert.equal(nextState(state, event), expected)
      else assert.throws(() => nextState(state, event), new RegExp(`${state} cannot ${event}`))
    })
  }
}
