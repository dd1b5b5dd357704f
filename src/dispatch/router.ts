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
  readonly open: (proxy: HTTPProxy) => RequestSender
  /**
   * Creates the sender for a proxy, or for direct connections, that never presents the client
   * certificate. Called once per proxy. Null if there is no client certificate.
   */
  readonly openWithoutCertificate: ((proxy: HTTPProxy | null) => RequestSender) | null
  /** Why no request to an https URL can be sent, except by a mount; null if they can. */
  readonly tlsError: unknown
}

/** Chooses where each request of a client goes: to a mount, through a proxy, or direct. */
export class Router {
  /** The sender of all requests; null if it depends on their URL. */
  readonly onlySender: RequestSender | null
  readonly #destinations: Destinations
  readonly #proxied = new Map<HTTPProxy, RequestSender>()
  readonly #withoutCertificate = new Map<HTTPProxy | null, RequestSender>()
  #closed = false

  constructor(destinations: Destinations) {
    const { mounts, proxies, direct, openWithoutCertificate, tlsError } = destinations
    const isOnly = mounts === null && proxies === null && openWithoutCertificate === null
    this.onlySender = isOnly && tlsError === null ? direct : null
    this.#destinations = destinations
  }

  /**
   * @param isClientOrigin whether the client certificate may be presented to the origin of `url`
   * @throws ProxyError if a proxy variable of the environment is not the URL of a proxy, and
   * `tlsError` for an https URL
   */
  senderFor(url: URL, isClientOrigin: boolean): RequestSender {
    const { mounts, proxies, direct, open, openWithoutCertificate, tlsError } = this.#destinations
    const mounted = mounts?.lookup(url)
    if (mounted) return mounted
    if (tlsError !== null && url.protocol === 'https:') throw tlsError
    const proxy = proxies?.lookup(url) ?? null
    if (openWithoutCertificate !== null && !isClientOrigin && url.protocol === 'https:') {
      return this.#getOrOpen(this.#withoutCertificate, proxy, openWithoutCertificate)
    }
    return proxy === null ? direct : this.#getOrOpen(this.#proxied, proxy, open)
  }

  #getOrOpen<Proxy>(
    senders: Map<Proxy, RequestSender>,
    proxy: Proxy,
    open: (proxy: Proxy) => RequestSender,
  ): RequestSender {
    const known = senders.get(proxy)
    if (known !== undefined) return known
    // The client can be closed between two requests of one call, such as before a redirect.
    if (this.#closed) throw new ClientClosed('The client is closed')
    const sender = open(proxy)
    senders.set(proxy, sender)
    return sender
  }

  async close(): Promise<void> {
    this.#closed = true
    const { direct, dispatchers } = this.#destinations
    const opened = [...this.#proxied.values(), ...this.#withoutCertificate.values()]
    const senders = new Set([direct, ...dispatchers.values(), ...opened])
    await Promise.all([...senders].map((sender) => sender.close()))
  }

  [inspect.custom](): string {
    const proxied = [...this.#proxied].map(
      ([proxy, sender]) => `${inspect(proxy)} ${inspect(sender)}`,
    )
    const withoutCertificate = [...this.#withoutCertificate].map(
      ([proxy, sender]) =>
        `${proxy === null ? '' : `${inspect(proxy)} `}${inspect(sender)} without certificate`,
    )
    return [inspect(this.#destinations.direct), ...proxied, ...withoutCertificate].join(', ')
  }
}
