import type { ConnectionOptions } from 'node:tls'
import type { Backend } from '../backends/backend.ts'
import { checkProxyAllowed } from '../backends/public-addresses.ts'
import type { BackendChoice } from '../backends/select.ts'
import { selectBackend } from '../backends/select.ts'
import type { Trace } from '../models/events.ts'
import type { PoolLimits } from '../models/limits.ts'
import { checkOptions, option, withoutPrototype } from '../models/options.ts'
import { HTTPProxy, proxySettingsOf } from '../models/proxy.ts'
import type { OnConnect, Route } from '../models/route.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { checkTlsCallbacks } from '../models/tls-settings.ts'
import { isThenable } from '../models/value-kind.ts'

/** Resolves a name: a function with the signature of `dns.lookup`, called with `all: true`. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (
    error: Error | null,
    address: string | readonly { address: string; family: number }[],
    family?: number,
  ) => void,
) => void

/** The options of a `ConnectionPool`. */
export interface PoolOptions {
  /** How many connections the pool may have, and for how long. */
  readonly limits?: PoolLimits | undefined
  /** The default timeouts of its requests, in ms. Default 5000 each, except `total`. */
  readonly timeouts?: TimeoutInit
  /** Options of `tls.connect` for all connections. Connections are never shared between pools. */
  readonly tls?: ConnectionOptions | undefined
  /** Path of a Unix socket for all connections. A leading NUL means Linux's abstract namespace. */
  readonly uds?: string | undefined
  /** The proxy of all connections: an `HTTPProxy` or its URL. Default null: no proxy. */
  readonly proxy?: HTTPProxy | string | URL | null | undefined
  /** The sockets and clocks to use. Default: those of the current runtime. */
  readonly backend?: BackendChoice | undefined
  /** Resolves names. Default: the name resolution of the runtime. */
  readonly lookup?: Lookup | undefined
  /** The local IP address of all connections. Default: chosen by the operating system. */
  readonly localAddress?: string | undefined
  /**
   * Called with each address before it is connected to. Throws, or returns a promise that rejects,
   * to refuse the address. The connection waits for the promise, within the connect timeout.
   */
  readonly onConnect?: OnConnect | undefined
  /** Receives the events of requests and connections. */
  readonly trace?: Trace | undefined
}

const OPTION_NAMES = [
  'limits',
  'timeouts',
  'tls',
  'uds',
  'proxy',
  'backend',
  'lookup',
  'localAddress',
  'onConnect',
  'trace',
] as const

/** Options that have no effect on a Unix socket. */
const ADDRESS_OPTIONS = ['onConnect', 'lookup', 'localAddress'] as const

interface ResolvedPoolOptions {
  readonly backend: Backend
  readonly limits: PoolLimits
  readonly timeouts: TimeoutInit
  readonly route: Route
  readonly trace: Trace | null
}

/** Checks the options. Throws `TypeError` with the name of the invalid option. */
export function resolveOptions(options: PoolOptions): ResolvedPoolOptions {
  checkOptions('ConnectionPool', options, OPTION_NAMES)
  const lookup = functionOption(options, 'lookup')
  const uds = udsOf(options)
  const proxy = option(options, 'proxy', null)
  if (uds !== null && proxy !== null) {
    throw new TypeError('ConnectionPool: uds and proxy cannot be used together')
  }
  const onConnect = functionOption(options, 'onConnect')
  if (uds !== null) {
    const useless = ADDRESS_OPTIONS.find((name) => option(options, name, null) !== null)
    if (useless !== undefined) {
      throw new TypeError(
        `The option ${useless} has no effect with uds, which has no addresses; remove one of them`,
      )
    }
  }
  if (proxy !== null) checkProxyAllowed(onConnect)
  return {
    backend: selectBackend(option(options, 'backend', undefined)),
    limits: option(options, 'limits', {}),
    timeouts: option(options, 'timeouts', undefined),
    trace: functionOption(options, 'trace'),
    route: {
      uds,
      proxy: proxy === null ? null : proxySettingsOf(HTTPProxy.from(proxy)),
      localAddress: option(options, 'localAddress', undefined),
      lookup: lookup && allAddresses(lookup),
      onConnect,
      tls: tlsOf(options),
    },
  }
}

function tlsOf(options: PoolOptions): ConnectionOptions {
  const tls: unknown = option(options, 'tls', {})
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    throw new TypeError('ConnectionPool.tls must be an object of TLS options')
  }
  checkTlsCallbacks('ConnectionPool.tls', tls)
  return tls
}

/** Rejects an empty path, because Node.js would ignore it and connect to a port instead. */
function udsOf(options: PoolOptions): string | null {
  const uds: unknown = option(options, 'uds', null)
  if (uds === null || (typeof uds === 'string' && uds !== '')) return uds
  throw new TypeError('ConnectionPool.uds must be the path of a Unix socket')
}

function functionOption<Name extends 'lookup' | 'trace' | 'onConnect'>(
  options: PoolOptions,
  name: Name,
): NonNullable<PoolOptions[Name]> | null {
  const given = option(options, name, null)
  if (given !== null && typeof given !== 'function') {
    throw new TypeError(`ConnectionPool.${name} must be a function`)
  }
  return given as NonNullable<PoolOptions[Name]> | null
}

const LOOKUP_OPTIONS = Object.freeze(withoutPrototype({ all: true as const }))

/** A result of a lookup, unchecked. */
interface Found {
  readonly address: unknown
}

/**
 * Adapts a lookup of the caller. It may return one address or all, throw, be an async function that
 * rejects, call back at once, or call back more than once. Only the first result counts.
 */
function allAddresses(lookup: Lookup): NonNullable<Route['lookup']> {
  return (host, callback) => {
    let answered = false
    const answer = (error: unknown, addresses: readonly Found[] = []) => {
      if (answered) return
      answered = true
      callback(error as Error | null, addresses)
    }
    try {
      const result: unknown = lookup(host, LOOKUP_OPTIONS, (error, found) => {
        if (error) return answer(error)
        try {
          answer(null, addressesOf(found))
        } catch (fault) {
          answer(fault)
        }
      })
      if (isThenable(result)) Promise.resolve(result).catch(answer)
    } catch (error) {
      answer(error)
    }
  }
}

/** Unifies the forms of a result. The dial rejects what is not an address. */
function addressesOf(found: unknown): Found[] {
  const entries: unknown[] = Array.isArray(found) ? found : [{ address: found }]
  return entries.map((entry) => ({ address: (entry as Partial<Found> | null)?.address }))
}
