import { inspect } from 'node:util'
import { ClientClosed } from '../errors.ts'
import type { HTTPProxy } from '../models/proxy.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Responder } from './responder.ts'
import type { UrlLookup } from './url-map.ts'

/** What a client's requests may go to. */
export interface Destinations {
  /** Come first; null in them, or in their place, is none. */
  readonly mounts: UrlLookup<Responder | null> | null
  /** Those of the caller, wherever they are used, to be closed. */
  readonly dispatchers: ReadonlyMap<Dispatcher, Responder>
  /** Whatever goes neither to a mount nor to a proxy. */
  readonly direct: Responder
  /** Null where there are none. */
  readonly proxies: UrlLookup<HTTPProxy | null> | null
  /** Opens the way through a proxy, once for each. */
  open(proxy: HTTPProxy): Responder
}

/** Says where each of a client's requests goes: to a mount, through a proxy, or direct. */
export class Router {
  readonly #destinations: Destinations
  readonly #proxied = new Map<HTTPProxy, Responder>()
  #closed = false

  constructor(destinations: Destinations) {
    this.#destinations = destinations
  }

  /** Throws `ProxyError` where the environment names a proxy that is none. */
  responderFor(url: URL): Responder {
    const { mounts, proxies, direct } = this.#destinations
    if (mounts !== null) {
      const mounted = mounts.lookup(url) ?? null
      if (mounted !== null) return mounted
    }
    const proxy = proxies === null ? null : (proxies.lookup(url) ?? null)
    return proxy === null ? direct : this.#through(proxy)
  }

  #through(proxy: HTTPProxy): Responder {
    let responder = this.#proxied.get(proxy)
    if (responder === undefined) {
      // A call that was between two requests when the client was closed.
      if (this.#closed) throw new ClientClosed('The client is closed')
      responder = this.#destinations.open(proxy)
      this.#proxied.set(proxy, responder)
    }
    return responder
  }

  async close(): Promise<void> {
    this.#closed = true
    const { direct, dispatchers } = this.#destinations
    const all = new Set([direct, ...dispatchers.values(), ...this.#proxied.values()])
    await Promise.all([...all].map((responder) => responder.close()))
  }

  [inspect.custom](): string {
    const proxied = [...this.#proxied].map(
      ([proxy, responder]) => `${inspect(proxy)} ${inspect(responder)}`,
    )
    return [inspect(this.#destinations.direct), ...proxied].join(', ')
  }
}
