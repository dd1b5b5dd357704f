import type { Phase } from '../errors.ts'

/** What `trace` is told, and published on the diagnostics channels of these names behind `hawser:`. */
export const events = {
  'request:start': 'a request was dispatched',
  'request:end': 'it is over, one way or another: once for each start',
  'connection:open':
    'a connection was established: TCP, the tunnel and TLS, as far as there are any',
  'connection:close': 'it was closed or given away, or it never came to be',
} as const

/** The name of an event. */
export type EventName = keyof typeof events

/** The phases of a request in their order; which of them there are is up to the route. */
export const phases = {
  queue: 'waiting for a connection',
  dns: 'finding the addresses of a name',
  tcp: 'connecting to one of them',
  proxy: 'TLS with the proxy, and opening a tunnel',
  tls: 'TLS with the origin',
  write: 'handing the request to the socket, where that takes more than one write',
  wait: 'until the head of the response is here',
  read: 'until its body has been delivered',
} as const satisfies Record<Phase, string>

/** Milliseconds in each phase that was gone through, in order; a replay's are added up. */
export type Durations = { readonly [Name in Phase]?: number }

/** Told of a request when it is dispatched. */
export interface RequestStart {
  /** Of this request, in this process: the same at its end. */
  readonly id: number
  readonly method: string
  /** `https://host:port`, the port where it is not the scheme's own. */
  readonly origin: string
  /** Its query is shown as `?…`. */
  readonly path: string
}

/** Told of a request when it is over. */
export interface RequestEnd extends RequestStart {
  /** Of the final response; null where none came. */
  readonly status: number | null
  /** In ms, all phases together. */
  readonly duration: number
  readonly durations: Durations
  /** Handed to the socket, head included; of the last attempt. */
  readonly bytesSent: number
  /** Head and framing included. */
  readonly bytesReceived: number
  readonly reusedConnection: boolean
  /** Sent a second time, as the first connection turned out dead. */
  readonly replayed: boolean
  /** A `HawserError`, an abort's reason, or what the handler threw; null if all went well. */
  readonly error: unknown
}

/** Told of a connection when it is established. */
export interface ConnectionOpen {
  readonly origin: string
  /** Undefined for a unix socket. */
  readonly address: string | undefined
}

/** Told of a connection when it has ended. */
export interface ConnectionClose {
  readonly origin: string
  /** A name from the table of close reasons. */
  readonly reason: string
}

/** What each event says. */
export interface EventInfos {
  readonly 'request:start': RequestStart
  readonly 'request:end': RequestEnd
  readonly 'connection:open': ConnectionOpen
  readonly 'connection:close': ConnectionClose
}

/** Hears of every event; `event` tells what `info` is. */
export type Trace = (
  ...told: { [Name in EventName]: [event: Name, info: EventInfos[Name]] }[EventName]
) => void
