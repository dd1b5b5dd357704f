// What the processes of `bench:reuse` send each other.

/** When a server closes a connection. */
export const CLOSINGS = ['every', 'second', 'random'] as const
export type Closing = (typeof CLOSINGS)[number]

export const TRANSPORTS = ['plain', 'TLS'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** The servers, and the certificate of those with TLS. */
export interface Addresses {
  readonly ca: string
  readonly ports: Readonly<Record<Transport, Readonly<Record<Closing, number>>>>
}

/** The methods that take turns. PUT has a streamed body, so no request is sent a second time. */
export const METHODS = ['POST', 'PUT', 'PATCH'] as const
type Method = (typeof METHODS)[number]

/** Requests for one worker. */
export interface Batch {
  readonly origin: string
  readonly ca: string
  readonly requests: number
}

/** How many requests of a batch failed. */
export interface Lost extends Record<Method, number> {
  /** The first error, as text. */
  reason: string | null
}
