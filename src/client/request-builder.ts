import type { Clock } from '../backends/backend.ts'
import { acceptEncoding } from '../content/decoding/decoder.ts'
import type { EncodedBody } from '../content/encode-body.ts'
import { encodeBody } from '../content/encode-body.ts'
import { withProgress } from '../content/progress.ts'
import type { HeadersInit } from '../models/headers.ts'
import { checkCount, checkFlag, checkFunction, option } from '../models/options.ts'
import { checkSignal } from '../models/signal.ts'
import { Timeout } from '../models/timeout.ts'
import { resolveAuth } from './auth/resolve.ts'
import type { CallSettings } from './call.ts'
import { callSettingsOf, setCallSettings } from './call.ts'
import { requestCookies } from './cookies/cookies.ts'
import type { Fields } from './field-list.ts'
import {
  fieldOf,
  filterFields,
  mergeFields,
  prepareFields,
  removesField,
  withField,
} from './field-list.ts'
import type { ClientOptions, RequestOptions, SendOptions, SharedOptions } from './options.ts'
import { checkRequestOptions, checkSendOptions, PARTS } from './options.ts'
import type { Params } from './params.ts'
import { combineParams, makeParams, withParams } from './params.ts'
import type { RequestUrl } from './plain-url.ts'
import { resolveUrl, toUrl } from './plain-url.ts'
import type { FollowRedirects } from './redirect.ts'
import { isOriginBound } from './redirect.ts'
import { Request } from './request.ts'
import type { BaseUrl } from './url.ts'
import { mayForwardCredentials, parseBaseUrl } from './url.ts'

/** The version of the package. A test compares it with package.json. */
export const VERSION = '0.1.0'

/** The default header fields, as a flat list. The option `headers` can replace or remove each. */
export function defaultFields(): string[] {
  return [
    ...['accept', '*/*', 'accept-encoding', acceptEncoding()],
    ...['user-agent', `hawser/${VERSION}`],
  ]
}

/** Builds requests and their settings from the options of the client and of the request. */
export class RequestBuilder {
  readonly #baseUrl: BaseUrl | null
  readonly #headers: Fields
  readonly #headersForOtherOrigins: Fields
  /** Whether the client's headers remove Content-Type. Only a request's headers can then set it. */
  readonly #omitsContentType: boolean
  readonly #params: Params | null
  readonly #auth: CallSettings['auth']
  readonly #defaults: CallSettings

  /** Throws for an invalid option, as the constructor of `Client` does. */
  constructor(options: ClientOptions, timeout: Timeout, clock: Clock) {
    const base = option(options, 'baseUrl', null)
    this.#baseUrl = base === null ? null : parseBaseUrl(base)
    const headers = mergeFields(
      [...defaultFields(), 'connection', 'keep-alive'],
      option(options, 'headers', null),
    )
    this.#headers = prepareFields(headers)
    this.#omitsContentType = removesField(option(options, 'headers', null), 'content-type')
    this.#headersForOtherOrigins = prepareFields(
      filterFields(headers, (name) => !isOriginBound(name)),
    )
    this.#params = paramsOf(options)
    this.#auth = authOf(options)
    const followRedirects = checkFollowRedirects(option(options, 'followRedirects', true))
    this.#defaults = {
      auth: undefined,
      timeout,
      followRedirects,
      followsByDefault: followRedirects,
      maxRedirects: checkCount('maxRedirects', option(options, 'maxRedirects', 20), 0) ?? Infinity,
      retries: retriesOf(options, 0),
      signal: null,
      cookies: null,
      receivedCookies: [],
      keepsCredentials: true,
      wasDowngraded: false,
      maxResponseSize: checkCount('maxResponseSize', option(options, 'maxResponseSize', null), 0),
      onDownloadProgress: null,
      clock,
    }
  }

  /** Builds a request. Throws as `client.buildRequest()` does. */
  build(method: string, url: string | URL, options: RequestOptions): Request {
    const parts = checkRequestOptions(options)
    const target = resolveUrl(url, this.#baseUrl)
    const isClientOrigin = this.isClientOrigin(target)
    const params = combineParams(
      isClientOrigin ? this.#params : null,
      parts & PARTS.url ? paramsOf(options) : null,
    )
    const fullUrl = params === null ? target : withParams(target, params)
    const more = parts & PARTS.headers ? option(options, 'headers', null) : null
    const defaults = isClientOrigin ? this.#headers : this.#headersForOtherOrigins
    const headers = mergeFields(defaults, more)
    const request =
      parts & PARTS.content
        ? this.#withContent(method, fullUrl, headers, options)
        : new Request(method, fullUrl, { headers })
    const changesSettings = (parts & PARTS.settings) !== 0
    setCallSettings(request, changesSettings ? this.#requestSettings(options) : this.#defaults)
    return request
  }

  #withContent(method: string, url: RequestUrl, headers: Fields, options: RequestOptions): Request {
    const onProgress = option(options, 'onUploadProgress', null)
    if (onProgress !== null) checkFunction('onUploadProgress', onProgress)
    const body = encodeBody(options, fieldOf(headers, 'content-type'))
    if (body === null) return new Request(method, url, { headers })
    const fields = this.#addContentType(headers, option(options, 'headers', null), body)
    const content =
      onProgress === null
        ? body.content
        : withProgress(body.content, onProgress, contentLengthOf(fields))
    return new Request(method, url, { headers: fields, content })
  }

  #addContentType(headers: Fields, more: HeadersInit | null, body: EncodedBody): Fields {
    const { contentType } = body
    if (contentType === null || this.#omitsContentType) return headers
    return removesField(more, 'content-type')
      ? headers
      : withField(headers, 'content-type', contentType)
  }

  /**
   * Whether the client's credentials may be sent to this URL. With `baseUrl`, it must have the same
   * origin, or be its https counterpart.
   */
  isClientOrigin(url: RequestUrl): boolean {
    const base = this.#baseUrl
    if (base === null || base.origin === url.origin) return true
    return mayForwardCredentials(base.url, toUrl(url))
  }

  /**
   * Returns the client's `auth` for this URL. Undefined: use the URL's userinfo or .netrc. Null:
   * send no credentials.
   */
  authFor(url: RequestUrl): CallSettings['auth'] {
    return this.#auth && !this.isClientOrigin(url) ? undefined : this.#auth
  }

  /** Returns the settings for `send()`. Another client may have built the request, or none. */
  settingsFor(request: Request, options: SendOptions): CallSettings {
    checkSendOptions(options)
    if (!(request instanceof Request)) {
      throw new TypeError('send() expects a Request, created by buildRequest() or new Request()')
    }
    const settings = callSettingsOf(request) ?? this.#defaults
    return isEmpty(options) ? settings : this.#override(settings, options)
  }

  #requestSettings(options: RequestOptions): CallSettings {
    const settings = this.#defaults
    const cookies = option(options, 'cookies', null)
    const onProgress = option(options, 'onDownloadProgress', null)
    return this.#override(settings, options, {
      retries: retriesOf(options, settings.retries),
      cookies: cookies === null ? null : requestCookies(cookies),
      onDownloadProgress: onProgress && checkFunction('onDownloadProgress', onProgress),
    })
  }

  /** @param more settings that only the options of a request can change */
  #override(
    settings: CallSettings,
    options: Omit<SendOptions, 'stream'>,
    more: Pick<CallSettings, 'retries' | 'cookies' | 'onDownloadProgress'> = settings,
  ): CallSettings {
    const auth = authOf(options)
    const timeout = option(options, 'timeout', undefined)
    // All by name: `...settings` takes three times as long.
    return {
      auth: auth === undefined ? settings.auth : auth,
      timeout: Timeout.from(timeout, settings.timeout),
      followRedirects: checkFollowRedirects(
        option(options, 'followRedirects', settings.followRedirects),
      ),
      followsByDefault: settings.followsByDefault,
      maxRedirects: settings.maxRedirects,
      retries: more.retries,
      signal: checkSignal(option(options, 'signal', settings.signal)),
      cookies: more.cookies,
      receivedCookies: settings.receivedCookies,
      keepsCredentials: settings.keepsCredentials,
      wasDowngraded: settings.wasDowngraded,
      maxResponseSize: settings.maxResponseSize,
      onDownloadProgress: more.onDownloadProgress,
      clock: settings.clock,
    }
  }
}

function contentLengthOf(fields: Fields): number | undefined {
  const length = fieldOf(fields, 'content-length')
  return length === null ? undefined : Number(length)
}

function paramsOf(options: Pick<SharedOptions, 'params'>): Params | null {
  const params = option(options, 'params', null)
  return params && makeParams(params)
}

/** Returns the option `auth`; undefined if it is not given. */
function authOf(options: Pick<SharedOptions, 'auth'>): CallSettings['auth'] {
  const auth = option(options, 'auth', undefined)
  return auth === undefined ? undefined : resolveAuth(auth)
}

function checkFollowRedirects(value: unknown): FollowRedirects {
  return value === 'no-downgrade' ? value : checkFlag('followRedirects', value, "'no-downgrade'")
}

function retriesOf(options: Pick<SharedOptions, 'retries'>, fallback: number): number {
  const retries = option(options, 'retries', fallback)
  return retries === null ? 0 : (checkCount('retries', retries, 0) ?? Infinity)
}

function isEmpty(options: object): boolean {
  for (const name in options) if (Object.hasOwn(options, name)) return false
  return true
}
