import type { Phase } from '../errors.ts'
import type { CloseReason } from './close-reasons.ts'

/**
 * The events that `trace` receives. They are also published on the diagnostics channels
 * `hawser:request:start` and so on.
 */
export const events = {
  'request:start': 'a request was dispatched',
  'request:end': 'a request ended, successfully or not; once for each `request:start`',
  'connection:open': 'a connection was established, including its tunnel and TLS',
  'connection:close': 'a connection was closed or handed over, or could not be established',
} as const

/** The name of a tracing event. */
export type EventName = keyof typeof events

/** The phases of a request, in order. Which of them occur depends on the route. */
export const phases = {
  queue: 'waiting for a connection, or for a poll of the event loop before one is used again',
  dns: 'resolving the host name',
  tcp: 'connecting to an address',
  proxy: 'the TLS handshake with the proxy, and opening the tunnel',
  tls: 'the TLS handshake with the origin',
  write: 'writing the request to the socket, if that takes more than one write',
  wait: 'waiting for the response head',
  read: 'receiving and delivering the response body',
} as const satisfies Record<Phase, string>

/** Milliseconds spent in each phase that occurred, in order. The phases of a replay are added. */
export type Durations = { readonly [Name in Phase]?: number }

/** The information about a request that was dispatched. */
export interface RequestStart {
  /** Identifies the request in this process; the `request:end` event has the same. */
  readonly id: number
  readonly method: string
  /** `https://host:port`. The default port of the scheme is omitted. */
  readonly origin: string
  /** The path. A query is replaced by `?…`. */
  readonly path: string
}

/** The information about a request that has ended. */
export interface RequestEnd extends RequestStart {
  /** The status code of the final response; null if none was received. */
  readonly status: number | null
  /** The duration of all phases together in ms. */
  readonly duration: number
  readonly durations: Durations
  /** How many bytes the last attempt wrote to the socket, head included. */
  readonly bytesSent: number
  /** How many bytes were received, head and framing included. */
  readonly bytesReceived: number
  /** Whether the connection had already served another request. */
  readonly reusedConnection: boolean
  /**
   * Whether the request was sent a second time, because its first connection was no longer usable.
   */
  readonly replayed: boolean
  /**
   * A `HawserError`, the reason of an abort, or what the handler threw; an `AbortError` in place of
   * null or undefined. Null if the request succeeded.
   */
  readonly error: unknown
}

/** The information about a connection that was established. */
export interface ConnectionOpen {
  readonly origin: string
  /** The IP address of the peer; undefined for a unix socket. */
  readonly address: string | undefined
}

/** The information about a connection that has ended. */
export interface ConnectionClose {
  readonly origin: string
  readonly reason: CloseReason
}

/** The information that each event contains. */
export interface EventInfos {
  readonly 'request:start': RequestStart
  readonly 'request:end': RequestEnd
  readonly 'connection:open': ConnectionOpen
  readonly 'connection:close': ConnectionClose
}

/** Receives every event. The name of the event determines the type of `info`. */
export type Trace = (
  ...args: { [Name in EventName]: [event: Name, info: EventInfos[Name]] }[EventName]
) => void
