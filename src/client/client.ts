import { inspect } from 'node:util'
import { selectBackend } from '../backends/select.ts'
import { discardContent } from '../content/content.ts'
import { discardBodyOptions } from '../content/discard.ts'
import { ClientClosed } from '../errors.ts'
import { checkFlag, option } from '../models/options.ts'
import { Timeout } from '../models/timeout.ts'
import type { CallSettings } from './call.ts'
import { callSettingsOf } from './call.ts'
import { Cookies } from './cookies/cookies.ts'
import { EnvironmentNetrc } from './netrc/netrc.ts'
import type { ClientOptions, RequestOptions, SendOptions } from './options.ts'
import { checkClientOptions, resolveEventHooks } from './options.ts'
import { Request } from './request.ts'
import { RequestBuilder } from './request-builder.ts'
import type { Response } from './response.ts'
import { openRouter } from './routing.ts'
import type { ClientState } from './sending.ts'
import { Sending } from './sending.ts'
import { ClientWaits } from './waits.ts'

const NO_OPTIONS: RequestOptions = {}

/**
 * An HTTP client with default options, a cookie jar and a connection pool. Use one client for many
 * requests, and close it when you no longer need it.
 *
 * The methods that send a request never throw synchronously. Unless stated otherwise they reject
 * with a `HawserError`, a `TypeError` for an invalid option, the reason of an aborted signal, or an
 * error that a hook, an auth flow or another function of the caller threw.
 */
export class Client {
  /** The cookie jar. Cookies of every response are stored in it and sent again. RFC 6265 */
  readonly cookies: Cookies
  readonly #builder: RequestBuilder
  readonly #state: ClientState
  #closed = false

  /**
   * Creates a client. Opens no connection, but reads the files that `verify`, `cert` and the proxy
   * settings name.
   *
   * Throws `TypeError`, `InvalidURL`, `UnsupportedProtocol` or `LocalProtocolError` for an invalid
   * option.
   */
  constructor(options: ClientOptions = {}) {
    checkClientOptions(options)
    const backend = selectBackend(option(options, 'backend', undefined))
    const timeout = Timeout.from(option(options, 'timeout', undefined), Timeout.default)
    this.cookies = Cookies.from(option(options, 'cookies', null))
    this.#builder = new RequestBuilder(options, timeout, backend.clock)
    const trustEnv = checkFlag('trustEnv', option(options, 'trustEnv', true))
    this.#state = {
      router: openRouter(options, backend, timeout, trustEnv),
      backend,
      credentials: this.#builder,
      cookies: this.cookies,
      hooks: resolveEventHooks(option(options, 'eventHooks', {})),
      netrc: trustEnv ? new EnvironmentNetrc() : null,
      waits: new ClientWaits(backend),
    }
  }

  /**
   * Builds the request that `request()` and `stream()` would send, without sending it. You can
   * change it, and send it with `send()`.
   *
   * Throws `TypeError`, `InvalidURL`, `UnsupportedProtocol` or `LocalProtocolError` for an invalid
   * argument.
   */
  buildRequest(method: string, url: string | URL, options: RequestOptions = NO_OPTIONS): Request {
    return this.#build(method, url, options)
  }

  /** Sends a request and reads the whole response body. */
  request(
    method: string,
    url: string | URL,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<Response> {
    // Not an async function, whose promise would be another one for each call.
    try {
      return this.#start(this.#build(method, url, options), true)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Sends a request and resolves when the response head has arrived. The caller must read the body
   * to its end, or close the response.
   */
  async stream(
    method: string,
    url: string | URL,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<Response> {
    return this.#start(this.#build(method, url, options), false)
  }

  /**
   * Sends a request that was built before. Options that are not given are taken from
   * `buildRequest()`, then from the client. Reads the response body, unless `stream` is true.
   */
  async send(request: Request, options: SendOptions = NO_OPTIONS): Promise<Response> {
    try {
      const settings = this.#builder.settingsFor(request, options)
      return this.#start(request, !option(options, 'stream', false), settings)
    } catch (error) {
      if (request instanceof Request) discardContent(request.content)
      throw error
    }
  }

  #build(method: string, url: string | URL, options: RequestOptions): Request {
    try {
      return this.#builder.build(method, url, options)
    } catch (error) {
      discardBodyOptions(options)
      throw error
    }
  }

  /** @param settings default: those with which the request was built */
  #start(
    request: Request,
    readsBody: boolean,
    settings = callSettingsOf(request) as CallSettings,
  ): Promise<Response> {
    if (!this.#closed) return new Sending(this.#state).run(request, settings, readsBody)
    discardContent(request.content)
    throw new ClientClosed('The client is closed')
  }

  /** Sends a GET request and reads the whole response body. */
  get(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('GET', url, options)
  }

  /** Sends an OPTIONS request and reads the whole response body. */
  options(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('OPTIONS', url, options)
  }

  /** Sends a HEAD request. The response has no body. */
  head(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('HEAD', url, options)
  }

  /** Sends a POST request and reads the whole response body. */
  post(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('POST', url, options)
  }

  /** Sends a PUT request and reads the whole response body. */
  put(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PUT', url, options)
  }

  /** Sends a PATCH request and reads the whole response body. */
  patch(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PATCH', url, options)
  }

  /** Sends a DELETE request and reads the whole response body. */
  delete(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('DELETE', url, options)
  }

  /**
   * Closes all connections immediately, and the dispatchers that the client was given. Calls in
   * progress and later calls fail with `ClientClosed`.
   */
  close(): Promise<void> {
    this.#closed = true
    this.#state.waits.close()
    return this.#state.router.close()
  }

  /** Does the same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [inspect.custom](): string {
    return `<Client ${inspect(this.#state.router)}>`
  }
}
