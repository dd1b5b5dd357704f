import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decideForFreedConnection,
  decideForRequest,
  decideForReuse,
  isFull,
  needsPoll,
} from '../../src/pool/assignment.ts'

const none = { maxConnections: null, maxConnectionsPerOrigin: null, maxKeepaliveConnections: null }

describe('assign', () => {
  // Every consistent state of a pool with at most 3 connections, and 2 for each origin.
  const limits = { ...none, maxConnections: 3, maxConnectionsPerOrigin: 2 }
  const expected = (ofOrigin: number, total: number, idleOfOrigin: number, idle: number) => {
    if (idleOfOrigin > 0) return 'reuse'
    if (ofOrigin >= 2) return 'wait-for-origin'
    if (total < 3) return 'open'
    return idle > 0 ? 'replace' : 'wait-for-any-connection'
  }

  test('decides every small state', () => {
    let states = 0
    for (let total = 0; total <= 3; total++) {
      for (let idle = 0; idle <= total; idle++) {
        for (let ofOrigin = 0; ofOrigin <= 3; ofOrigin++) {
          for (let idleOfOrigin = 0; idleOfOrigin <= Math.min(idle, ofOrigin); idleOfOrigin++) {
            const facts = { ofOrigin, total, idleOfOrigin, idle }
            const want = expected(ofOrigin, total, idleOfOrigin, idle)
            assert.equal(decideForRequest(facts, limits), want, JSON.stringify(facts))
            states++
          }
        }
      }
    }
    assert.ok(states > 60)
  })

  const table: [decision: string, facts: object, limits: object][] = [
    ['open', {}, {}],
    ['reuse', { ofOrigin: 1, total: 1, idleOfOrigin: 1, idle: 1 }, {}],
    ['open', { ofOrigin: 1000, total: 1_000_000 }, {}],
    ['wait-for-any-connection', { ofOrigin: 1, total: 1 }, { maxConnections: 1 }],
    ['wait-for-any-connection', { total: 1 }, { maxConnections: 1 }],
    ['replace', { total: 1, idle: 1 }, { maxConnections: 1 }],
    ['wait-for-origin', { ofOrigin: 1, total: 1 }, { maxConnectionsPerOrigin: 1 }],
    // No idle connection of another origin is closed: the request could not use the room.
    ['wait-for-origin', { ofOrigin: 1, total: 2, idle: 1 }, { maxConnectionsPerOrigin: 1 }],
    [
      'wait-for-origin',
      { ofOrigin: 1, total: 2, idle: 1 },
      { maxConnections: 2, maxConnectionsPerOrigin: 1 },
    ],
    ['open', { ofOrigin: 0, total: 1 }, { maxConnections: 2, maxConnectionsPerOrigin: 1 }],
  ]
  for (const [decision, facts, given] of table) {
    test(`${decision}: ${JSON.stringify(facts)} ${JSON.stringify(given)}`, () => {
      const empty = { ofOrigin: 0, total: 0, idleOfOrigin: 0, idle: 0 }
      assert.equal(decideForRequest({ ...empty, ...facts }, { ...none, ...given }), decision)
    })
  }
})

test('40, 41 needsPoll: for all but a single replayable request', () => {
  const single = { isReplayable: true, followsHead: false, isShared: false, isWaitFree: false }
  assert.equal(needsPoll(single), false)
  const others = [
    { isReplayable: false },
    { followsHead: true },
    { isShared: true },
    { isWaitFree: true },
  ]
  for (const facts of others) assert.ok(needsPoll({ ...single, ...facts }), JSON.stringify(facts))
})

test('40, 41 decideForReuse prefers the newest connection, then a polled one', () => {
  const table: [needsPoll: boolean, isPolled: boolean, hasPolled: boolean, decision: string][] = [
    [false, false, false, 'newest'],
    [false, false, true, 'newest'],
    [false, true, true, 'newest'],
    [true, false, false, 'after-poll'],
    [true, false, true, 'polled'],
    [true, true, true, 'newest'],
  ]
  for (const [needsPoll, isPolled, hasPolled, decision] of table)
    assert.equal(decideForReuse({ needsPoll, isPolled, hasPolled }), decision)
})

describe('decideFreed', () => {
  test('decides every small state', () => {
    for (const oldestOfOrigin of [null, 1, 3]) {
      for (const oldestForAnyConnection of [null, 1, 2, 3]) {
        for (const idle of [0, 1, 2]) {
          for (const maxKeepaliveConnections of [null, 0, 1, 2]) {
            const facts = { oldestOfOrigin, oldestForAnyConnection, idle }
            const want =
              oldestForAnyConnection !== null &&
              oldestForAnyConnection < (oldestOfOrigin ?? Infinity)
                ? 'yield'
                : oldestOfOrigin !== null
                  ? 'serve'
                  : idle >= (maxKeepaliveConnections ?? Infinity)
                    ? 'close'
                    : 'idle'
            const limits = { ...none, maxKeepaliveConnections }
            assert.equal(
              decideForFreedConnection(facts, limits),
              want,
              JSON.stringify({ ...facts, ...limits }),
            )
          }
        }
      }
    }
  })
})

test('isFull', () => {
  assert.equal(isFull(1_000_000, null), false)
  assert.equal(isFull(0, 0), true)
  assert.equal(isFull(1, 2), false)
  assert.equal(isFull(2, 2), true)
  assert.equal(isFull(3, 2), true)
})
