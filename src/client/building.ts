import type { Clock } from '../backends/backend.ts'
import { acceptEncoding } from '../content/decoding/decoder.ts'
import type { EncodedBody } from '../content/encode-body.ts'
import { encodeBody } from '../content/encode-body.ts'
import { withProgress } from '../content/progress.ts'
import type { HeadersInit } from '../models/headers.ts'
import { callable, count, flag, option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { Timeout } from '../models/timeout.ts'
import { resolveAuth } from './auth/resolve.ts'
import type { Call } from './call.ts'
import { remember, rememberedCall } from './call.ts'
import { requestCookies } from './cookies/cookies.ts'
import type { FieldList } from './field-list.ts'
import { fieldOf, mergeFields, removesField, withField, withoutFields } from './field-list.ts'
import type { ClientOptions, RequestOptions, SendOptions, SharedOptions } from './options.ts'
import { checkRequestOptions, checkSendOptions } from './options.ts'
import type { Params } from './params.ts'
import { combineParams, makeParams, mergeParams } from './params.ts'
import { ORIGIN_BOUND_FIELDS } from './redirect.ts'
import { Request } from './request.ts'
import type { BaseUrl } from './url.ts'
import { keepsCredentials, parseBaseUrl, parseUrl } from './url.ts'

/** As package.json has it. */
export const VERSION = '0.1.0'

/** Fields that each request has unless it is told otherwise. */
export function defaultFields(): string[] {
  return [
    ...['accept', '*/*', 'accept-encoding', acceptEncoding()],
    ...['user-agent', `hawser/${VERSION}`],
  ]
}

/** Puts together what the client and what the request say. */
export class Builder {
  readonly #base: BaseUrl | null
  readonly #headers: FieldList
  readonly #headersAbroad: FieldList
  /** Whether content gets no Content-Type but that which a request gives. */
  readonly #isUntyped: boolean
  readonly #params: Params | null
  readonly #auth: Call['auth']
  readonly #call: Call

  /** Throws `TypeError` for a bad option. */
  constructor(options: ClientOptions, timeout: Timeout, clock: Clock) {
    const base = option(options, 'baseUrl', null)
    this.#base = base === null ? null : parseBaseUrl(base)
    this.#headers = mergeFields(
      [...defaultFields(), 'connection', 'keep-alive'],
      option(options, 'headers', null),
    )
    this.#isUntyped = removesField(option(options, 'headers', null), 'content-type')
    this.#headersAbroad = withoutFields(this.#headers, ORIGIN_BOUND_FIELDS)
    this.#params = paramsOf(options)
    this.#auth = authOf(options)
    const followRedirects = flag('followRedirects', option(options, 'followRedirects', true))
    this.#call = {
      auth: undefined,
      timeout,
      followRedirects,
      followsByDefault: followRedirects,
      maxRedirects: count('maxRedirects', option(options, 'maxRedirects', 20), 0) ?? Infinity,
      retries: retriesOf(options, 0),
      signal: null,
      cookies: null,
      keepsCredentials: true,
      maxResponseSize: count('maxResponseSize', option(options, 'maxResponseSize', null), 0),
      onDownloadProgress: null,
      clock,
    }
  }

  /** Throws for a bad URL, header, option or body. */
  build(method: string, url: string | URL, options: RequestOptions): Request {
    checkRequestOptions(options)
    const target = parseUrl(url, this.#base)
    const params = combineParams(this.#params, paramsOf(options))
    if (params !== null) mergeParams(target, params)
    const own = option(options, 'headers', null)
    const headers = mergeFields(this.isHome(target) ? this.#headers : this.#headersAbroad, own)
    const onProgress = option(options, 'onUploadProgress', null)
    if (onProgress !== null) callable('onUploadProgress', onProgress)
    const body = encodeBody(options, fieldOf(headers, 'content-type'))
    const request =
      body === null
        ? new Request(method, target, { headers })
        : withBody(method, target, this.#typed(headers, own, body), body.content, onProgress)
    remember(request, this.#callFor(options))
    return request
  }

  #typed(headers: FieldList, own: HeadersInit | null, { contentType }: EncodedBody): FieldList {
    const isOff = contentType === null || this.#isUntyped || removesField(own, 'content-type')
    return isOff ? headers : withField(headers, 'content-type', contentType)
  }

  /** Whether the client's own credentials are for this URL. */
  isHome(url: URL): boolean {
    return this.#base === null || keepsCredentials(this.#base.url, url)
  }

  /** The client's for this URL: undefined leaves it to the URL or .netrc, null does not. */
  authFor(url: URL): Call['auth'] {
    return this.#auth && !this.isHome(url) ? undefined : this.#auth
  }

  /** How a request is sent, built here or not. */
  callOf(request: Request, options: SendOptions): Call {
    checkSendOptions(options)
    if (!(request instanceof Request)) {
      throw new TypeError('send takes a Request, of buildRequest or new Request')
    }
    const call = rememberedCall(request) ?? this.#call
    return isEmpty(options) ? call : this.#change(call, options)
  }

  #callFor(options: RequestOptions): Call {
    const call = this.#call
    if (isEmpty(options)) return call
    const cookies = option(options, 'cookies', null)
    const onProgress = option(options, 'onDownloadProgress', null)
    return {
      ...this.#change(call, options),
      retries: retriesOf(options, call.retries),
      cookies: cookies === null ? null : requestCookies(cookies),
      onDownloadProgress: onProgress && callable('onDownloadProgress', onProgress),
    }
  }

  #change(call: Call, options: Omit<SendOptions, 'stream'>): Call {
    const auth = authOf(options)
    const timeout = option(options, 'timeout', undefined)
    return {
      ...call,
      auth: auth === undefined ? call.auth : auth,
      timeout: Timeout.from(timeout, call.timeout),
      followRedirects: flag(
        'followRedirects',
        option(options, 'followRedirects', call.followRedirects),
      ),
      signal: option(options, 'signal', call.signal),
    }
  }
}

function withBody(
  method: string,
  url: URL,
  headers: FieldList,
  content: Body,
  onProgress: NonNullable<RequestOptions['onUploadProgress']> | null,
): Request {
  if (onProgress === null) return new Request(method, url, { headers, content })
  const length = fieldOf(headers, 'content-length')
  const total = length === null ? undefined : Number(length)
  return new Request(method, url, {
    headers,
    content: withProgress(content, onProgress, total),
  })
}

function paramsOf(options: Pick<SharedOptions, 'params'>): Params | null {
  const params = option(options, 'params', null)
  return params && makeParams(params)
}

/** Undefined where none was given. */
function authOf(options: Pick<SharedOptions, 'auth'>): Call['auth'] {
  const auth = option(options, 'auth', undefined)
  return auth === undefined ? undefined : resolveAuth(auth)
}

function retriesOf(options: Pick<SharedOptions, 'retries'>, fallback: number): number {
  const retries = option(options, 'retries', fallback)
  return retries === null ? 0 : (count('retries', retries, 0) ?? Infinity)
}

function isEmpty(options: object): boolean {
  for (const name in options) if (Object.hasOwn(options, name)) return false
  return true
}
