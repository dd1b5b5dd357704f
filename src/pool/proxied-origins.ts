import type { Origin } from '../models/origin.ts'
import { parseOrigin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { proxyUse } from '../models/route.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { fieldLines, hostField } from '../protocol/request-head.ts'
import type { PoolDestination } from './origin-group.ts'
import { OriginGroup } from './origin-group.ts'

/** Forwarded origins that are kept taken apart; what is needed of one more is all made anew. */
const MOST = 256

/** What one proxy makes of the origins behind it. */
export class ProxiedOrigins {
  /** For heads that go through a tunnel. */
  readonly tunnelRules: ProxyRules = {
    absolute: null,
    fields: '',
    via: '',
    noAuthorization: 'is for the proxy and never enters a tunnel: give it to HTTPProxy',
  }
  /** All that is forwarded goes to the proxy as its peer, over connections that any origin's requests may use. */
  readonly #group: OriginGroup
  readonly #proxy: ProxySettings
  readonly #fields: string
  readonly #known = new Map<string, PoolDestination>()

  constructor(proxy: ProxySettings) {
    this.#proxy = proxy
    this.#group = new OriginGroup(proxy.origin)
    this.#fields = fieldLines(proxy.headers)
  }

  /** Null where the proxy is asked for a tunnel instead. Throws as `parseOrigin` does. */
  forwarded(given: string | URL): PoolDestination | null {
    const known = typeof given === 'string' ? this.#known.get(given) : undefined
    if (known !== undefined) return known
    const origin = parseOrigin(given)
    if (proxyUse(this.#proxy, origin) === 'tunnel') return null
    const destination = {
      origin,
      hostField: hostField(origin.authority),
      proxyRules: this.#rulesFor(origin),
      group: this.#group,
    }
    if (this.#known.size >= MOST) this.#known.clear()
    this.#known.set(origin.key, destination)
    return destination
  }

  #rulesFor(origin: Origin): ProxyRules {
    return {
      absolute: `${origin.secure ? 'https' : 'http'}://${origin.authority}`,
      fields: this.#fields,
      via: ` through the ${this.#proxy.origin.key}`,
      noAuthorization: this.#proxy.hasCredentials ? 'is given twice: HTTPProxy has one, too' : null,
    }
  }
}
