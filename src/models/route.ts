import type { ConnectionOptions } from 'node:tls'
import type { Origin } from './origin.ts'
import type { ProxySettings } from './proxy.ts'
import { isSocks } from './proxy.ts'

/** The address that a connection is about to be opened to. */
export interface ConnectFacts {
  /**
   * An IP address of `host` in its normal form: an IPv4 address in an IPv6 address as IPv4, and
   * otherwise IPv6 as in RFC 5952. The connection is opened to exactly this address.
   */
  readonly address: string
  /** The version of IP: 4 or 6. */
  readonly family: 4 | 6
  /** The port to connect to. */
  readonly port: number
  /** The host of the URL, or of the proxy: a name, or an address without brackets. */
  readonly host: string
  /**
   * `proxy` if the address is that of a proxy, which then connects to addresses that are not shown;
   * `direct` if it is that of the origin.
   */
  readonly through: 'direct' | 'proxy'
}

/** Throws, or returns a promise that rejects, to refuse an address. Other results are ignored. */
export type OnConnect = (facts: ConnectFacts) => unknown

/** How a pool opens its connections. All connections of a pool have the same route. */
export interface Route {
  /** The path of a unix socket, used for all connections; null for TCP. */
  readonly uds: string | null
  /** The proxy of all connections; null for direct connections. */
  readonly proxy: ProxySettings | null
  /** The local address of all connections; undefined lets the operating system choose. */
  readonly localAddress: string | undefined
  /** Resolves host names instead of the runtime; null for the runtime's resolution. */
  readonly lookup:
    | ((
        host: string,
        callback: (
          error: Error | null,
          addresses: readonly { readonly address: unknown }[],
        ) => void,
      ) => void)
    | null
  /**
   * Called with each address before a connection to it is opened; refuses the address by throwing
   * or with a promise that rejects. With a proxy, it receives the address of the proxy; with
   * socks5, also that of the origin.
   */
  readonly onConnect: OnConnect | null
  readonly tls: ConnectionOptions
}

/** How requests to one origin are sent: without a proxy, forwarded by it, or through a tunnel. */
export type ProxyUse = 'direct' | 'forward' | 'tunnel'

/** Returns how a proxy is used for an origin. SOCKS proxies always tunnel. RFC 9110 7.3.2, 9.3.6 */
export function proxyUse(proxy: ProxySettings | null, origin: Origin): ProxyUse {
  if (proxy === null) return 'direct'
  if (isSocks(proxy.scheme) || proxy.mode === 'TUNNEL_ONLY') return 'tunnel'
  return origin.secure && proxy.mode === 'DEFAULT' ? 'tunnel' : 'forward'
}
