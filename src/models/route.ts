import type { ConnectionOptions } from 'node:tls'
import type { Origin } from './origin.ts'
import type { ProxySettings } from './proxy.ts'
import { isSocks } from './proxy.ts'

/** Where a connection is about to go: an address, and the host it was found for. */
export interface ConnectFacts {
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
  readonly host: string
}

/** How connections are made: the same for all connections of a pool, so none serves another route. */
export interface Route {
  /** A unix socket that all connections go to. */
  readonly uds: string | null
  /** All connections go through it. */
  readonly proxy: ProxySettings | null
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
  /** Sees each address before it is connected to; refuses it by throwing. With a proxy that is the proxy's. */
  readonly onConnect: ((facts: ConnectFacts) => void) | null
  readonly tls: ConnectionOptions
}

/** What the proxy of a route is to one origin. */
export type ProxyUse = 'direct' | 'forward' | 'tunnel'

/** RFC 9110 7.3.2, 9.3.6; SOCKS tunnels whatever it is. */
export function proxyUse(proxy: ProxySettings | null, origin: Origin): ProxyUse {
  if (proxy === null) return 'direct'
  if (isSocks(proxy.scheme) || proxy.mode === 'TUNNEL_ONLY') return 'tunnel'
  return origin.secure && proxy.mode === 'DEFAULT' ? 'tunnel' : 'forward'
}
