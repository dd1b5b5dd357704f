import type { Backend } from '../backends/backend.ts'
import { AppDispatcher } from '../dispatch/apps/app-dispatcher.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { environmentProxies } from '../dispatch/proxies/proxy-environment.ts'
import { proxyMap } from '../dispatch/proxies/proxy-map.ts'
import type { Responder } from '../dispatch/responder.ts'
import { responderOf } from '../dispatch/responder.ts'
import type { Destinations } from '../dispatch/router.ts'
import { Router } from '../dispatch/router.ts'
import { UrlMap } from '../dispatch/url-map.ts'
import type { Trace } from '../models/events.ts'
import { option } from '../models/options.ts'
import { HTTPProxy } from '../models/proxy.ts'
import type { Timeout } from '../models/timeout.ts'
import { tlsSettings } from '../models/tls-settings.ts'
import { ConnectionPool } from '../pool/pool.ts'
import type { ClientOptions } from './options.ts'

/** Each takes all requests, so that a client has one of them. */
const WAYS = ['app', 'dispatcher', 'uds', 'proxies'] as const

/** Where the client's options lead. Throws `TypeError` for a bad option, as for a path that is not there. */
export function openRouter(
  options: ClientOptions,
  backend: Backend,
  timeouts: Timeout,
  trustEnv: boolean,
): Router {
  const ways = WAYS.filter((name) => option(options, name, null) !== null)
  if (ways.length > 1) {
    throw new TypeError(`${ways.join(' and ')}: a client has one way for all its requests`)
  }
  const shared = {
    backend,
    timeouts,
    limits: option(options, 'poolLimits', undefined),
    tls: tlsSettings({
      verify: option(options, 'verify', undefined),
      cert: option(options, 'cert', undefined),
      trustEnv,
    }),
    lookup: option(options, 'lookup', undefined),
    localAddress: option(options, 'localAddress', undefined),
    onConnect: option(options, 'onConnect', undefined),
    trace: option(options, 'trace', undefined),
  }
  const uds = option(options, 'uds', null) ?? undefined
  // Made for an app or a dispatcher, too: it checks the options.
  const pool = new ConnectionPool({ ...shared, uds })
  const known = new Map<Dispatcher, Responder>()
  const toResponder = responders(known, shared.trace ?? null)
  return new Router({
    mounts: mountsOf(options, toResponder),
    dispatchers: known,
    direct: ownWay(options, toResponder) ?? pool,
    proxies: proxiesOf(options, trustEnv, ways.length === 0),
    open: (proxy) => new ConnectionPool({ ...shared, proxy: HTTPProxy.from(proxy, trustEnv) }),
  })
}

function ownWay(options: ClientOptions, toResponder: ToResponder): Responder | null {
  const app = option(options, 'app', null)
  if (app !== null) return toResponder(new AppDispatcher({ app }))
  const dispatcher = option(options, 'dispatcher', null)
  return dispatcher === null ? null : toResponder(dispatcher)
}

/** The option, even as null, replaces the environment. */
function proxiesOf(
  options: ClientOptions,
  trustEnv: boolean,
  isNeeded: boolean,
): Destinations['proxies'] {
  const given = option(options, 'proxies', undefined)
  if (given === null) return null
  if (given !== undefined) {
    // Now, since it reads files: what is wrong with them is told when the client is made.
    return proxyMap(given, HTTPProxy, (proxy) => HTTPProxy.from(proxy, trustEnv))
  }
  return trustEnv && isNeeded ? environmentProxies(process.env, HTTPProxy) : null
}

function mountsOf(options: ClientOptions, toResponder: ToResponder): Destinations['mounts'] {
  const given = option(options, 'mounts', null)
  if (given === null) return null
  const mounts: Record<string, Responder | null | undefined> = Object.create(null)
  for (const [pattern, dispatcher] of Object.entries(given)) {
    mounts[pattern] = dispatcher && toResponder(dispatcher)
  }
  return new UrlMap('mounts', mounts)
}

type ToResponder = (dispatcher: Dispatcher) => Responder

/** One responder for each dispatcher, however often it is named. */
function responders(known: Map<Dispatcher, Responder>, trace: Trace | null): ToResponder {
  return (dispatcher) => {
    const responder = known.get(dispatcher) ?? responderOf(dispatcher, trace)
    known.set(dispatcher, responder)
    return responder
  }
}
