import { inspect } from 'node:util'
import type { HTTPProxy } from '../models/proxy.ts'
import type { ConnectionPool } from '../pool/pool.ts'
import type { UrlLookup } from './url-map.ts'

/** The pools of a client: one for all that goes direct, and one for each proxy that was needed. */
export class Router {
  readonly #direct: ConnectionPool
  readonly #proxies: UrlLookup<HTTPProxy | null> | null
  readonly #open: (proxy: HTTPProxy) => ConnectionPool
  readonly #proxied = new Map<HTTPProxy, ConnectionPool>()

  /** @param proxies null where everything goes direct */
  constructor(
    direct: ConnectionPool,
    proxies: UrlLookup<HTTPProxy | null> | null,
    open: (proxy: HTTPProxy) => ConnectionPool,
  ) {
    this.#direct = direct
    this.#proxies = proxies
    this.#open = open
  }

  /** Throws `ProxyError` where the environment names a proxy that is none. */
  poolFor(url: URL): ConnectionPool {
    const proxy = this.#proxies === null ? null : this.#proxies.lookup(url)
    return proxy === null || proxy === undefined ? this.#direct : this.#poolOf(proxy)
  }

  #poolOf(proxy: HTTPProxy): ConnectionPool {
    let pool = this.#proxied.get(proxy)
    if (pool === undefined) {
      pool = this.#open(proxy)
      this.#proxied.set(proxy, pool)
    }
    return pool
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxied.values()].map((pool) => pool.close()))
  }

  [inspect.custom](): string {
    const proxied = [...this.#proxied].map(([proxy, pool]) => `${inspect(proxy)} ${inspect(pool)}`)
    return [inspect(this.#direct), ...proxied].join(', ')
  }
}
