import type { Backend } from '../backends/backend.ts'
import { environmentProxies } from '../dispatch/proxy-environment.ts'
import { proxyMap } from '../dispatch/proxy-map.ts'
import { Router } from '../dispatch/router.ts'
import type { UrlLookup } from '../dispatch/url-map.ts'
import { option } from '../models/options.ts'
import { HTTPProxy } from '../models/proxy.ts'
import type { Timeout } from '../models/timeout.ts'
import { tlsSettings } from '../models/tls-settings.ts'
import { ConnectionPool } from '../pool/pool.ts'
import type { ClientOptions } from './options.ts'

/** The pools that the client's options ask for. Throws `TypeError` for a bad option, as for a path that is not there. */
export function openRouter(
  options: ClientOptions,
  backend: Backend,
  timeouts: Timeout,
  trustEnv: boolean,
): Router {
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
  return new Router(
    new ConnectionPool({ ...shared, uds: option(options, 'uds', undefined) }),
    proxiesOf(options, trustEnv),
    (proxy) => new ConnectionPool({ ...shared, proxy: HTTPProxy.from(proxy, trustEnv) }),
  )
}

/** The option replaces the environment, and a unix socket both. */
function proxiesOf(options: ClientOptions, trustEnv: boolean): UrlLookup<HTTPProxy | null> | null {
  const given = option(options, 'proxies', undefined)
  const uds = option(options, 'uds', undefined)
  if (uds !== undefined && given !== undefined) {
    throw new TypeError('uds and proxies are two routes: a client has one of them')
  }
  if (given !== undefined) return given === null ? null : proxyMap(given, HTTPProxy)
  return trustEnv && uds === undefined ? environmentProxies(process.env, HTTPProxy) : null
}
