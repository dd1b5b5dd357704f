import { inspect } from 'node:util'
import { selectBackend } from '../backends/select.ts'
import { discardContent } from '../content/content.ts'
import { discardGiven } from '../content/discard.ts'
import type { Router } from '../dispatch/router.ts'
import { ClientClosed } from '../errors.ts'
import { flag, option } from '../models/options.ts'
import { Timeout } from '../models/timeout.ts'
import { Builder } from './building.ts'
import type { Call } from './call.ts'
import { Cookies } from './cookies/cookies.ts'
import { EnvironmentNetrc } from './netrc/netrc.ts'
import type { ClientOptions, RequestOptions, SendOptions } from './options.ts'
import { checkClientOptions, resolveEventHooks } from './options.ts'
import { Request } from './request.ts'
import type { Response } from './response.ts'
import { openRouter } from './routing.ts'
import type { SenderOwner } from './sending.ts'
import { Sending } from './sending.ts'
import { Pauses } from './waits.ts'

const NONE: RequestOptions = {}

/**
 * An HTTP client with defaults, cookies and connections of its own. Use one for many requests, and
 * close it.
 */
export class Client {
  /** The jar: what responses set is kept here, and sent where it belongs. RFC 6265 */
  readonly cookies: Cookies
  readonly #builder: Builder
  readonly #router: Router
  readonly #shared: SenderOwner
  #closed = false

  /** Throws `TypeError`, `InvalidURL` or `LocalProtocolError` for a bad option, at once. */
  constructor(options: ClientOptions = {}) {
    checkClientOptions(options)
    const backend = selectBackend(option(options, 'backend', undefined))
    const timeout = Timeout.from(option(options, 'timeout', undefined), Timeout.default)
    this.cookies = Cookies.from(option(options, 'cookies', null))
    this.#builder = new Builder(options, timeout, backend.clock)
    const trustEnv = flag('trustEnv', option(options, 'trustEnv', true))
    this.#router = openRouter(options, backend, timeout, trustEnv)
    this.#shared = {
      router: this.#router,
      backend,
      credentials: this.#builder,
      cookies: this.cookies,
      hooks: resolveEventHooks(option(options, 'eventHooks', {})),
      netrc: trustEnv ? new EnvironmentNetrc() : null,
      pauses: new Pauses(backend),
    }
  }

  /** Makes the request that `request` and `stream` would send, for `send`. Throws for bad input. */
  buildRequest(method: string, url: string | URL, options: RequestOptions = NONE): Request {
    return this.#build(method, url, options)
  }

  /** Sends a request and reads its response. Rejects with a `HawserError`, or with the signal's reason. */
  async request(
    method: string,
    url: string | URL,
    options: RequestOptions = NONE,
  ): Promise<Response> {
    const response = await this.#send(this.#build(method, url, options), NONE)
    return await response.read()
  }

  /** Sends a request; resolves at the head of the response, whose body has to be read or closed. */
  async stream(
    method: string,
    url: string | URL,
    options: RequestOptions = NONE,
  ): Promise<Response> {
    return this.#send(this.#build(method, url, options), NONE)
  }

  /**
   * Sends a built request. What is not given here comes from `buildRequest`, then from the client. The
   * response is read, unless `stream` is true.
   */
  async send(request: Request, options: SendOptions = NONE): Promise<Response> {
    const response = await this.#send(request, options)
    return option(options, 'stream', false) ? response : await response.read()
  }

  #build(method: string, url: string | URL, options: RequestOptions): Request {
    try {
      return this.#builder.build(method, url, options)
    } catch (error) {
      discardGiven(options)
      throw error
    }
  }

  #send(request: Request, options: SendOptions): Promise<Response> {
    let call: Call
    try {
      if (this.#closed) throw new ClientClosed('The client is closed')
      call = this.#builder.callOf(request, options)
    } catch (error) {
      if (request instanceof Request) discardContent(request.content)
      throw error
    }
    return new Sending(this.#shared).run(request, call)
  }

  /** `request` with GET. */
  get(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('GET', url, options)
  }

  /** `request` with OPTIONS. */
  options(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('OPTIONS', url, options)
  }

  /** `request` with HEAD. */
  head(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('HEAD', url, options)
  }

  /** `request` with POST. */
  post(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('POST', url, options)
  }

  /** `request` with PUT. */
  put(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PUT', url, options)
  }

  /** `request` with PATCH. */
  patch(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PATCH', url, options)
  }

  /** `request` with DELETE. */
  delete(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('DELETE', url, options)
  }

  /** Closes all connections at once; what is in flight fails with `ClientClosed`. */
  close(): Promise<void> {
    this.#closed = true
    this.#shared.pauses.close()
    return this.#router.close()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [inspect.custom](): string {
    return `<Client ${inspect(this.#router)}>`
  }
}
