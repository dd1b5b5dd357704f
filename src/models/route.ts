import type { ConnectionOptions } from 'node:tls'

export interface ConnectFacts {
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
  readonly host: string
}

/** How connections are made: the same for all connections of a pool. */
export interface Route {
  /** A unix socket that all connections go to. */
  readonly uds: string | null
  readonly localAddress: string | undefined
  /** Instead of the runtime's name resolution. */
  readonly lookup:
    | ((
        host: string,
        callback: (
          error: Error | null,
          addresses: readonly { address: string; family: 4 | 6 }[],
        ) => void,
      ) => void)
    | null
  /** Sees each address before it is connected to; refuses it by throwing. */
  readonly onConnect: ((facts: ConnectFacts) => void) | null
  readonly tls: ConnectionOptions
}
