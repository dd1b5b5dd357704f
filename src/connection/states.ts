/**
 * A connection's life. Dialling comes before: a connection exists once it is established.
 * docs/engine.md draws its diagram from this table.
 */
const transitions = {
  idle: { start: 'exchanging', close: 'closed' },
  exchanging: { finish: 'idle', upgrade: 'upgraded', close: 'closed' },
  upgraded: {},
  closed: {},
} as const satisfies Record<string, Partial<Record<ConnectionEvent, string>>>

export type ConnectionState = 'idle' | 'exchanging' | 'upgraded' | 'closed'
export type ConnectionEvent = 'start' | 'finish' | 'upgrade' | 'close'

/** The state after `event`. An event that has no place in a state is a mistake of ours and throws. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = (transitions[state] as Partial<Record<ConnectionEvent, ConnectionState>>)[event]
  if (next === undefined) throw new Error(`A connection that is ${state} cannot ${event}`)
  return next
}
