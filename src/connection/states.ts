/**
 * The state machines of a connection: the exchange, sending its request, and delivering its response.
 * They say what happens next; docs/engine.md draws them. A connection exists once it is established.
 */

/** Which state follows which. The other states do not know the event. */
export type Transitions<State extends string> = { readonly [S in State]?: State }

type Events<State extends string> = Readonly<Record<string, Transitions<State>>>

export type ConnectionState =
  | 'idle'
  /** A request was started. Informational responses do not change the state. */
  | 'awaiting-head'
  | 'reading-body'
  /** The response is complete, and waits for the request to be sent or for the reader. */
  | 'complete'
  | 'upgraded'
  | 'closed'

export const connectionEvents = {
  start: { idle: 'awaiting-head' },
  head: { 'awaiting-head': 'reading-body' },
  complete: { 'reading-body': 'complete' },
  finish: { complete: 'idle' },
  upgrade: { 'awaiting-head': 'upgraded' },
  close: {
    idle: 'closed',
    'awaiting-head': 'closed',
    'reading-body': 'closed',
    complete: 'closed',
  },
} as const satisfies Events<ConnectionState>

export type SendingState =
  /** The socket has taken the whole request. */
  | 'sent'
  /** Content follows, and the socket takes it. */
  | 'sending'
  /** Content follows, once the socket has taken what it was given. */
  | 'blocked'
  /** No content follows; the socket has not taken all that it was given. */
  | 'draining'
  /** The content waits for 100 (Continue). */
  | 'awaiting-continue'
  /** The same, and the socket has not taken the head. */
  | 'head-blocked'
  /** Part of the request is never sent, so no other request may follow. */
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
  /** The reader has resumed: a pause that the same delivery asks for does not count. */
  | 'resumed'
  | 'paused'
  /** The reader has resumed, and delivery goes on in a moment. */
  | 'resuming'

export const deliveryEvents = {
  deliver: { resumed: 'flowing' },
  pause: { flowing: 'paused', resumed: 'resumed' },
  resume: { flowing: 'resumed', resumed: 'resumed', paused: 'resuming', resuming: 'resuming' },
  continue: { resuming: 'flowing' },
} as const satisfies Events<DeliveryState>

/**
 * The state after an event. A state that does not know the event is a mistake of ours and throws.
 * Tables are by event since a caller names its event: a table by state needs two lookups for one.
 */
export function nextState<State extends string>(
  transitions: Transitions<State>,
  state: State,
): State {
  const next = transitions[state]
  if (next !== undefined) return next
  const wanted = [...new Set(Object.values(transitions))].join(' or ')
  throw new Error(`A connection that is ${state} cannot become ${wanted}`)
}
