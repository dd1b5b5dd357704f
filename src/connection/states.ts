/**
 * The three state machines of a connection: the exchange, sending the request, and delivering the
 * response. docs/engine.md has a diagram of each. A connection starts in its first state once it is
 * established.
 */

/** For one event, the next state for each state in which the event may happen. */
export type Transitions<State extends string> = { readonly [S in State]?: State }

type Events<State extends string> = Readonly<Record<string, Transitions<State>>>

export type ConnectionState =
  | 'idle'
  /** A request was started. Informational responses do not change this state. */
  | 'awaiting-head'
  | 'reading-body'
  /** The response is complete, and the reader has paused. */
  | 'complete'
  /** The exchange has ended. Its remaining upload is being sent. */
  | 'uploading'
  | 'upgraded'
  | 'closed'

export const connectionEvents = {
  start: { idle: 'awaiting-head' },
  head: { 'awaiting-head': 'reading-body' },
  complete: { 'reading-body': 'complete' },
  detach: { complete: 'uploading' },
  finish: { complete: 'idle', uploading: 'idle' },
  upgrade: { 'awaiting-head': 'upgraded' },
  close: {
    idle: 'closed',
    'awaiting-head': 'closed',
    'reading-body': 'closed',
    complete: 'closed',
    uploading: 'closed',
  },
} as const satisfies Events<ConnectionState>

export type SendingState =
  /** The operating system has taken the whole request. */
  | 'sent'
  /** More content follows. */
  | 'sending'
  /** More content follows when the operating system has taken the bytes written so far. */
  | 'blocked'
  /** All content was written, but the operating system has not taken all of it. */
  | 'draining'
  /** The content waits for 100 (Continue). */
  | 'awaiting-continue'
  /** The same, and the operating system has not taken the whole head. */
  | 'head-blocked'
  /** The remaining upload is not sent, so the connection cannot carry another request. */
  | 'abandoned'

export const sendingEvents = {
  send: { sent: 'sending' },
  expect: { sent: 'awaiting-continue' },
  continue: { 'awaiting-continue': 'sending', 'head-blocked': 'blocked' },
  block: {
    sent: 'draining',
    sending: 'blocked',
    blocked: 'blocked',
    'awaiting-continue': 'head-blocked',
  },
  drain: { blocked: 'sending', draining: 'sent', 'head-blocked': 'awaiting-continue' },
  finish: { sending: 'sent', blocked: 'draining' },
  abandon: {
    sent: 'abandoned',
    sending: 'abandoned',
    blocked: 'abandoned',
    draining: 'abandoned',
    'awaiting-continue': 'abandoned',
    'head-blocked': 'abandoned',
  },
} as const satisfies Events<SendingState>

export type DeliveryState =
  | 'flowing'
  /** The reader called `resume` without a pause. A delivery that has started cannot pause. */
  | 'resumed'
  | 'paused'
  /** The reader called `resume`; delivery continues in a microtask. */
  | 'resuming'

export const deliveryEvents = {
  deliver: { resumed: 'flowing' },
  pause: { flowing: 'paused', resumed: 'resumed' },
  resume: { flowing: 'resumed', resumed: 'resumed', paused: 'resuming', resuming: 'resuming' },
  continue: { resuming: 'flowing' },
} as const satisfies Events<DeliveryState>

/**
 * Returns the state after an event. Throws if the event must not happen in this state, which is a
 * bug in Hawser. The tables are indexed by event because each caller has a fixed event, so that one
 * lookup is enough.
 */
export function nextState<State extends string>(
  transitions: Transitions<State>,
  state: State,
): State {
  const next = transitions[state]
  if (next !== undefined) return next
  const targets = [...new Set(Object.values(transitions))].join(' or ')
  throw new Error(`Invalid state change of a connection: ${state} cannot become ${targets}`)
}
