import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connectionEvents,
  deliveryEvents,
  nextState,
  sendingEvents,
} from '../../src/connection/states.ts'
import { at } from '../support/at.ts'

interface Machine {
  readonly table: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly events: readonly string[]
  /** For each state, the next state for each of `events`; null if the event is not allowed. */
  readonly rows: Readonly<Record<string, readonly (string | null)[]>>
}

const machines: Readonly<Record<string, Machine>> = {
  connection: {
    table: connectionEvents,
    events: ['start', 'head', 'complete', 'detach', 'finish', 'upgrade', 'close'],
    rows: {
      idle: ['awaiting-head', null, null, null, null, null, 'closed'],
      'awaiting-head': [null, 'reading-body', null, null, null, 'upgraded', 'closed'],
      'reading-body': [null, null, 'complete', null, null, null, 'closed'],
      complete: [null, null, null, 'uploading', 'idle', null, 'closed'],
      uploading: [null, null, null, null, 'idle', null, 'closed'],
      upgraded: [null, null, null, null, null, null, null],
      closed: [null, null, null, null, null, null, null],
    },
  },
  sending: {
    table: sendingEvents,
    events: ['send', 'expect', 'continue', 'block', 'drain', 'finish', 'abandon'],
    rows: {
      sent: ['sending', 'awaiting-continue', null, 'draining', null, null, 'abandoned'],
      sending: [null, null, null, 'blocked', null, 'sent', 'abandoned'],
      blocked: [null, null, null, 'blocked', 'sending', 'draining', 'abandoned'],
      draining: [null, null, null, null, 'sent', null, 'abandoned'],
      'awaiting-continue': [null, null, 'sending', 'head-blocked', null, null, 'abandoned'],
      'head-blocked': [null, null, 'blocked', null, 'awaiting-continue', null, 'abandoned'],
      abandoned: [null, null, null, null, null, null, null],
    },
  },
  delivery: {
    table: deliveryEvents,
    events: ['deliver', 'pause', 'resume', 'continue'],
    rows: {
      flowing: [null, 'paused', 'resumed', null],
      resumed: ['flowing', 'resumed', 'resumed', null],
      paused: [null, null, 'resuming', null],
      resuming: [null, null, 'resuming', 'flowing'],
    },
  },
}

for (const [name, { table, events, rows }] of Object.entries(machines)) {
  test(`${name}: has these events`, () => {
    assert.deepEqual(Object.keys(table), events)
  })

  for (const [state, row] of Object.entries(rows)) {
    for (const [i, event] of events.entries()) {
      const expected = at(row, i)
      test(`${name}: ${event} in state ${state}: ${expected ?? 'throws'}`, () => {
        const next = () => nextState(table[event]!, state)
        if (expected !== null) assert.equal(next(), expected)
        else assert.throws(next, new RegExp(`${state} cannot become `))
      })
    }
  }
}
