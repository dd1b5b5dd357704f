import type { ConnectionOptions } from 'node:tls'
import { inspect } from 'node:util'
import type { Address, Backend } from '../backends/backend.ts'
import type { BackendChoice } from '../backends/select.ts'
import { selectBackend } from '../backends/select.ts'
import type { Trace } from '../models/events.ts'
import type { PoolLimits } from '../models/limits.ts'
import { checkOptions, option } from '../models/options.ts'
import { HTTPProxy, proxySettings } from '../models/proxy.ts'
import type { ConnectFacts, Route } from '../models/route.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { checkFunctions } from '../models/tls-settings.ts'

/** Resolves a name, with the signature of `dns.lookup`; asked for all addresses. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (
    error: Error | null,
    address: string | readonly { address: string; family: number }[],
    family?: number,
  ) => void,
) => void

/** What a pool is made with. */
export interface PoolOptions {
  readonly limits?: PoolLimits | undefined
  readonly timeouts?: TimeoutInit
  /** For all connections; they are never shared with a pool of other settings. */
  readonly tls?: ConnectionOptions | undefined
  /** A unix socket that every connection goes to; a leading NUL is Linux's abstract namespace. */
  readonly uds?: string | undefined
  /** All connections go through it: an `HTTPProxy`, or its URL. Null for none. */
  readonly proxy?: HTTPProxy | string | URL | null | undefined
  readonly backend?: BackendChoice | undefined
  readonly lookup?: Lookup | undefined
  readonly localAddress?: string | undefined
  /** Sees each address before it is connected to, and may throw to refuse it. */
  readonly onConnect?: ((facts: ConnectFacts) => void) | undefined
  /** Hears of requests and connections: what took how long, and why it ended. */
  readonly trace?: Trace | undefined
}

const NAMES = [
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

interface ResolvedPoolOptions {
  readonly backend: Backend
  readonly limits: PoolLimits
  readonly timeouts: TimeoutInit
  readonly route: Route
  readonly trace: Trace | null
}

/** Throws `TypeError` that names what is wrong. */
export function resolveOptions(options: PoolOptions): ResolvedPoolOptions {
  checkOptions('ConnectionPool', options, NAMES)
  const lookup = callable(options, 'lookup')
  const uds = udsOf(options)
  const proxy = option(options, 'proxy', null)
  if (uds !== null && proxy !== null) {
    throw new TypeError('ConnectionPool: uds and proxy are two routes, of which a pool has one')
  }
  const onConnect = callable(options, 'onConnect')
  if (uds !== null && onConnect !== null) {
    throw new TypeError('ConnectionPool: onConnect sees addresses, and uds has none')
  }
  return {
    backend: selectBackend(option(options, 'backend', undefined)),
    limits: option(options, 'limits', {}),
    timeouts: option(options, 'timeouts', undefined),
    trace: callable(options, 'trace'),
    route: {
      uds,
      proxy: proxy === null ? null : proxySettings(HTTPProxy.from(proxy)),
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
  checkFunctions('ConnectionPool.tls', tls)
  return tls
}

/** Node takes an empty path for none, and would connect to a port instead. */
function udsOf(options: PoolOptions): string | null {
  const uds: unknown = option(options, 'uds', null)
  if (uds === null || (typeof uds === 'string' && uds !== '')) return uds
  throw new TypeError('ConnectionPool.uds must be the path of a unix socket')
}

function callable<Name extends 'lookup' | 'trace' | 'onConnect'>(
  options: PoolOptions,
  name: Name,
): NonNullable<PoolOptions[Name]> | null {
  const given = option(options, name, null)
  if (given !== null && typeof given !== 'function') {
    throw new TypeError(`ConnectionPool.${name} must be a function`)
  }
  return given as NonNullable<PoolOptions[Name]> | null
}

/**
 * A lookup may answer with one address or with all; it may throw, and call back at once. Its first
 * answer counts.
 */
function allAddresses(lookup: Lookup): NonNullable<Route['lookup']> {
  return (host, callback) => {
    let answered = false
    const answer = (error: unknown, addresses: readonly Address[] = []) => {
      if (answered) return
      answered = true
      callback(error as Error | null, addresses)
    }
    try {
      lookup(host, { all: true }, (error, found) => {
        if (error) return answer(error)
        try {
          answer(null, addressesOf(found))
        } catch (fault) {
          answer(fault)
        }
      })
    } catch (error) {
      answer(error)
    }
  }
}

const ADDRESS = /^(?:\d+\.){3}\d+$|^[\da-f.]*:[\da-f:.]+(?:%.+)?$/i

/** A name among them would be resolved once more, behind the back of `onConnect`. */
function addressesOf(found: unknown): Address[] {
  const entries = Array.isArray(found) ? found : [{ address: found }]
  return entries.map((entry) => {
    const address: unknown = entry?.address
    if (typeof address === 'string' && ADDRESS.test(address)) {
      return { address, family: address.includes(':') ? 6 : 4 }
    }
    throw new TypeError(`lookup gave ${inspect(address)}, which is no IP address`)
  })
}
