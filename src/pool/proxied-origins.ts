import type { Origin } from '../models/origin.ts'
import { parseOrigin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { proxyUse } from '../models/route.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { fieldLines, versionAndHost } from '../protocol/request-head.ts'
import type { PoolDestination } from './origin-group.ts'
import { OriginGroup } from './origin-group.ts'

/** The cache of destinations is cleared when it has this many. */
const MAX_FORWARDED_ORIGINS = 256

/** Decides how requests for an origin go through the pool's proxy: forwarded or in a tunnel. */
export class ProxiedOrigins {
  /** For requests in a tunnel. */
  readonly tunnelRules: ProxyRules = {
    absolutePrefix: null,
    fieldLines: '',
    proxySuffix: '',
    whyNoProxyAuthorization: 'is not sent through a tunnel; set credentials on HTTPProxy instead',
  }
  /** All forwarded origins share this group, because all connections go to the proxy. */
  readonly #group: OriginGroup
  readonly #proxy: ProxySettings
  readonly #fields: string
  readonly #destinations = new Map<string, PoolDestination>()

  constructor(proxy: ProxySettings) {
    this.#proxy = proxy
    this.#group = new OriginGroup(proxy.origin, null, true)
    this.#fields = fieldLines(proxy.headers)
  }

  /** Returns null if requests for this origin use a tunnel. Throws like `parseOrigin`. */
  destinationOf(given: string | URL): PoolDestination | null {
    const known = typeof given === 'string' ? this.#destinations.get(given) : undefined
    if (known !== undefined) return known
    const origin = parseOrigin(given)
    if (proxyUse(this.#proxy, origin) === 'tunnel') return null
    const destination = {
      origin,
      versionAndHost: versionAndHost(origin.authority),
      proxyRules: this.#forwardingRules(origin),
      group: this.#group,
    }
    if (this.#destinations.size >= MAX_FORWARDED_ORIGINS) this.#destinations.clear()
    this.#destinations.set(origin.key, destination)
    return destination
  }

  #forwardingRules(origin: Origin): ProxyRules {
    return {
      absolutePrefix: `${origin.secure ? 'https' : 'http'}://${origin.authority}`,
      fieldLines: this.#fields,
      proxySuffix: ` through the ${this.#proxy.origin.key}`,
      whyNoProxyAuthorization: this.#proxy.hasCredentials
        ? 'is set twice: by the request and by the credentials of HTTPProxy'
        : null,
    }
  }
}
