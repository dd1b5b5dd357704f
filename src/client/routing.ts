import type { Backend } from '../backends/backend.ts'
import { checkProxyAllowed } from '../backends/public-addresses.ts'
import { AppDispatcher } from '../dispatch/apps/app-dispatcher.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { environmentProxies } from '../dispatch/proxies/proxy-environment.ts'
import { proxyMap } from '../dispatch/proxies/proxy-map.ts'
import type { RequestSender } from '../dispatch/request-sender.ts'
import { toRequestSender } from '../dispatch/request-sender.ts'
import type { Destinations } from '../dispatch/router.ts'
import { Router } from '../dispatch/router.ts'
import { UrlMap } from '../dispatch/url-map.ts'
import { option } from '../models/options.ts'
import { HTTPProxy } from '../models/proxy.ts'
import type { Timeout } from '../models/timeout.ts'
import { resolveTlsSettings, withoutClientCertificate } from '../models/tls-settings.ts'
import { ConnectionPool } from '../pool/pool.ts'
import type { ClientOptions } from './options.ts'

/** Options for connections. They have no effect if an app or a dispatcher answers all requests. */
const CONNECTION_OPTIONS = [
  'verify',
  'cert',
  'poolLimits',
  'lookup',
  'localAddress',
  'onConnect',
] as const

type ToSender = (dispatcher: Dispatcher) => RequestSender

/** Each of these options determines the route of all requests, so a client can have only one. */
const ROUTE_OPTIONS = ['app', 'dispatcher', 'uds', 'proxies'] as const

/** How the router of `fetch` differs from that of a client. */
export interface RouterBehaviour {
  /** Whether connections with an unread response count for `maxConnections`. */
  readonly countsUnread: boolean
  /**
   * Whether requests to https URLs fail if the TLS settings of the environment are invalid. Without
   * it, `openRouter` throws.
   */
  readonly defersTlsErrors: boolean
}

const CLIENT_BEHAVIOUR: RouterBehaviour = { countsUnread: true, defersTlsErrors: false }

/**
 * Creates the router that the options of a client describe: its pools, app and dispatchers. Throws
 * `TypeError` for an invalid option, for example for the path of a file that does not exist.
 */
export function openRouter(
  options: ClientOptions,
  backend: Backend,
  timeouts: Timeout,
  trustEnv: boolean,
  { countsUnread, defersTlsErrors } = CLIENT_BEHAVIOUR,
): Router {
  const routes = ROUTE_OPTIONS.filter((name) => option(options, name, null) !== null)
  if (routes.length > 1) {
    throw new TypeError(`The options ${routes.join(' and ')} cannot be combined`)
  }
  checkConnectionOptions(options, routes.at(0))
  const tls = resolveTls(options, trustEnv, defersTlsErrors)
  const shared = {
    backend,
    timeouts,
    limits: option(options, 'poolLimits', undefined),
    tls: tls.settings,
    lookup: option(options, 'lookup', undefined),
    localAddress: option(options, 'localAddress', undefined),
    onConnect: option(options, 'onConnect', undefined),
    trace: option(options, 'trace', undefined),
  }
  const uds = option(options, 'uds', null) ?? undefined
  // Also created for an app or a dispatcher, because its constructor checks the options.
  const pool = new ConnectionPool({ ...shared, uds }, countsUnread)
  const senders = new Map<Dispatcher, RequestSender>()
  // One sender for each dispatcher, even if the options name it several times.
  const toSender: ToSender = (dispatcher) => {
    const sender = senders.get(dispatcher) ?? toRequestSender(dispatcher, shared.trace ?? null)
    senders.set(dispatcher, sender)
    return sender
  }
  const custom = customSender(options, toSender)
  const anonymousTls = withoutClientCertificate(tls.settings)
  const hasCertificate = custom === null && anonymousTls !== tls.settings
  const openThrough = (proxy: HTTPProxy, more = {}) =>
    new ConnectionPool({ ...shared, proxy: HTTPProxy.from(proxy, trustEnv), ...more }, countsUnread)
  return new Router({
    mounts: mountsOf(options, toSender),
    dispatchers: senders,
    direct: custom ?? pool,
    proxies: proxiesOf(options, trustEnv, routes.length === 0),
    open: (proxy) => openThrough(proxy),
    openWithoutCertificate: hasCertificate
      ? (proxy) =>
          proxy === null
            ? new ConnectionPool({ ...shared, uds, tls: anonymousTls }, countsUnread)
            : openThrough(proxy, { tls: anonymousTls })
      : null,
    tlsError: tls.error,
  })
}

/**
 * Returns the TLS settings. `error` is null, or what is wrong with those of the environment: the
 * settings then contain only the options.
 */
function resolveTls(options: ClientOptions, trustEnv: boolean, defersErrors: boolean) {
  const given = {
    verify: option(options, 'verify', undefined),
    cert: option(options, 'cert', undefined),
  }
  try {
    return { settings: resolveTlsSettings({ ...given, trustEnv }), error: null }
  } catch (error) {
    if (!defersErrors || !trustEnv) throw error
    // This throws if the error is in an option.
    return { settings: resolveTlsSettings({ ...given, trustEnv: false }), error }
  }
}

/**
 * Throws `TypeError` for an option that has no effect on the route: it may be a safeguard. The pool
 * checks those that have no effect with `uds`.
 */
function checkConnectionOptions(
  options: ClientOptions,
  route: (typeof ROUTE_OPTIONS)[number] | undefined,
): void {
  if (route !== 'app' && route !== 'dispatcher') return
  const useless = CONNECTION_OPTIONS.find((name) => option(options, name, undefined) !== undefined)
  if (useless === undefined) return
  throw new TypeError(`The option ${useless} has no effect with ${route}; remove one of them`)
}

/** The client's app or dispatcher; null if its requests use connections. */
function customSender(options: ClientOptions, toSender: ToSender): RequestSender | null {
  const app = option(options, 'app', null)
  if (app !== null) return toSender(new AppDispatcher({ app }))
  const dispatcher = option(options, 'dispatcher', null)
  return dispatcher === null ? null : toSender(dispatcher)
}

/** The option `proxies`, even as null, replaces the proxy settings of the environment. */
function proxiesOf(
  options: ClientOptions,
  trustEnv: boolean,
  usesConnections: boolean,
): Destinations['proxies'] {
  const given = option(options, 'proxies', undefined)
  if (given === null) return null
  if (given !== undefined) {
    // Proxies are created now, because that reads files: the constructor of the client reports
    // errors.
    return proxyMap(given, (proxy) => {
      checkProxyAllowed(option(options, 'onConnect', null))
      return HTTPProxy.from(proxy, trustEnv)
    })
  }
  const proxies = trustEnv && usesConnections ? environmentProxies() : null
  if (proxies !== null) checkProxyAllowed(option(options, 'onConnect', null))
  return proxies
}

function mountsOf(options: ClientOptions, toSender: ToSender): Destinations['mounts'] {
  const given = option(options, 'mounts', null)
  if (given === null) return null
  const mounts: Record<string, RequestSender | null | undefined> = Object.create(null)
  for (const [pattern, dispatcher] of Object.entries(given)) {
    mounts[pattern] = dispatcher && toSender(dispatcher)
  }
  return new UrlMap('mounts', mounts)
}
