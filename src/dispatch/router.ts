import { inspect } from 'node:util'
import { ClientClosed } from '../errors.ts'
import type { HTTPProxy } from '../models/proxy.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { RequestSender } from './request-sender.ts'
import type { UrlLookup } from './url-map.ts'

/** Where the requests of a client can go. */
export interface Destinations {
  /**
   * Checked first. A null value in the map means no mount; null instead of the map means no mounts.
   */
  readonly mounts: UrlLookup<RequestSender | null> | null
  /** All dispatchers that the caller passed to the client. Closing the router closes them. */
  readonly dispatchers: ReadonlyMap<Dispatcher, RequestSender>
  /** Sends the requests that match neither a mount nor a proxy. */
  readonly direct: RequestSender
  /** Null if no proxies are configured. */
  readonly proxies: UrlLookup<HTTPProxy | null> | null
  /** Creates the sender for a proxy. Called once per proxy. */
  open(proxy: HTTPProxy): RequestSender
}

/** Chooses where each request of a client goes: to a mount, through a proxy, or direct. */
export class Router {
  readonly #destinations: Destinations
  readonly #proxied = new Map<HTTPProxy, RequestSender>()
  #closed = false

  constructor(destinations: Destinations) {
    this.#destinations = destinations
  }

  /** @throws ProxyError if a proxy variable of the environment is not the URL of a proxy */
  senderFor(url: URL): RequestSender {
    const { mounts, proxies, direct } = this.#destinations
    const mounted = mounts?.lookup(url)
    if (mounted) return mounted
    const proxy = proxies?.lookup(url)
    return proxy ? this.#senderThrough(proxy) : direct
  }

  #senderThrough(proxy: HTTPProxy): RequestSender {
    const known = this.#proxied.get(proxy)
    if (known !== undefined) return known
    // The client can be closed between two requests of one call, such as before a redirect.
    if (this.#closed) throw new ClientClosed('The client is closed')
    const sender = this.#destinations.open(proxy)
    this.#proxied.set(proxy, sender)
    return sender
  }

  async close(): Promise<void> {
    this.#closed = true
    const { direct, dispatchers } = this.#destinations
    const senders = new Set([direct, ...dispatchers.values(), ...this.#proxied.values()])
    await Promise.all([...senders].map((sender) => sender.close()))
  }

  [inspect.custom](): string {
    const proxied = [...this.#proxied].map(
      ([proxy, sender]) => `${inspect(proxy)} ${inspect(sender)}`,
    )
    return [inspect(this.#destinations.direct), ...proxied].join(', ')
  }
}
