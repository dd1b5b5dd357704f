import type { Clock } from '../backends/backend.ts'
import { callable, count, flag, option } from '../models/options.ts'
import { Timeout } from '../models/timeout.ts'
import { resolveAuth } from './auth/resolve.ts'
import { lengthOf } from './body/content.ts'
import type { EncodedBody } from './body/encode-body.ts'
import { encodeBody } from './body/encode-body.ts'
import { withProgress } from './body/progress.ts'
import type { Call } from './call.ts'
import { remember, rememberedCall } from './call.ts'
import { cookiePairs } from './cookies.ts'
import { acceptEncoding } from './decoding.ts'
import type { FieldList } from './field-list.ts'
import { fieldOf, mergeFields, withField } from './field-list.ts'
import type { ClientOptions, RequestOptions, SendOptions, SharedOptions } from './options.ts'
import { checkRequestOptions, checkSendOptions } from './options.ts'
import type { Params } from './params.ts'
import { combineParams, makeParams, mergeParams } from './params.ts'
import { Request } from './request.ts'
import type { BaseUrl } from './url.ts'
import { isSameOrigin, parseBaseUrl, parseUrl } from './url.ts'

const VERSION = '0.1.0'

/** Not for other origins than the client's own, which is `baseUrl`'s. */
const CREDENTIALS = { authorization: null, cookie: null, 'proxy-authorization': null }

/** Puts together what the client and what the request say. */
export class Builder {
  readonly #base: BaseUrl | null
  readonly #headers: FieldList
  readonly #headersAbroad: FieldList
  readonly #params: Params | null
  readonly #timeout: Timeout
  readonly #call: Call

  /** Throws `TypeError` for a bad option. */
  constructor(options: ClientOptions, timeout: Timeout, clock: Clock) {
    const base = option(options, 'baseUrl', null)
    this.#base = base === null ? null : parseBaseUrl(base)
    this.#headers = mergeFields(
      [
        ...['accept', '*/*', 'accept-encoding', acceptEncoding()],
        ...['user-agent', `hawser/${VERSION}`, 'connection', 'keep-alive'],
      ],
      option(options, 'headers', null),
    )
    this.#headersAbroad = mergeFields(this.#headers, CREDENTIALS)
    this.#params = paramsOf(options)
    this.#timeout = timeout
    this.#call = {
      auth: authOf(options),
      timeout: undefined,
      followRedirects: flag('followRedirects', option(options, 'followRedirects', true)),
      maxRedirects: count('maxRedirects', option(options, 'maxRedirects', 20), 0) ?? Infinity,
      retries: retriesOf(options, 0),
      signal: null,
      cookies: null,
      isTrusted: true,
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
    const isTrusted = this.#base === null || isSameOrigin(target, this.#base.url)
    const headers = mergeFields(
      isTrusted ? this.#headers : this.#headersAbroad,
      option(options, 'headers', null),
    )
    const body = encodeBody(options, fieldOf(headers, 'content-type'))
    const request =
      body === null
        ? new Request(method, target, { headers })
        : withBody(method, target, headers, body, option(options, 'onUploadProgress', null))
    remember(request, this.#callFor(request, options, isTrusted))
    return request
  }

  /** How a built request is sent. */
  callOf(request: Request, options: SendOptions): Call {
    checkSendOptions(options)
    const call = rememberedCall(request) ?? this.#call
    return isEmpty(options) ? call : this.#change(call, options)
  }

  #callFor(request: Request, options: RequestOptions, isTrusted: boolean): Call {
    const call = isTrusted ? this.#call : abroad(this.#call)
    if (isEmpty(options)) return call
    const cookies = option(options, 'cookies', null)
    const onProgress = option(options, 'onDownloadProgress', null)
    return {
      ...this.#change(call, options),
      retries: retriesOf(options, call.retries),
      cookies: cookies === null ? null : cookiePairs(cookies, request.url),
      onDownloadProgress: onProgress && callable('onDownloadProgress', onProgress),
    }
  }

  #change(call: Call, options: Omit<SendOptions, 'stream'>): Call {
    const auth = authOf(options)
    const timeout = option(options, 'timeout', undefined)
    return {
      ...call,
      auth: auth === undefined ? call.auth : auth,
      timeout:
        timeout === undefined ? call.timeout : Timeout.from(timeout, call.timeout ?? this.#timeout),
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
  body: EncodedBody,
  onProgress: RequestOptions['onUploadProgress'] | null,
): Request {
  const { contentType } = body
  const fields = contentType === null ? headers : withField(headers, 'content-type', contentType)
  const given = fieldOf(fields, 'content-length')
  const isFramed = given !== null || fieldOf(fields, 'transfer-encoding') !== null
  let { content, contentLength } = body
  if (onProgress) {
    const total = given === null ? lengthOf(content) : Number(given)
    content = withProgress(content, onProgress, total)
    contentLength = lengthOf(content)
  }
  return new Request(method, url, {
    headers:
      contentLength === null || isFramed
        ? fields
        : withField(fields, 'content-length', String(contentLength)),
    content,
  })
}

/** For an origin that is not the client's own: nothing of its credentials. */
function abroad(call: Call): Call {
  return { ...call, isTrusted: false, auth: call.auth === null ? null : undefined }
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
  return count('retries', option(options, 'retries', fallback), 0) ?? Number.POSITIVE_INFINITY
}

function isEmpty(options: object): boolean {
  for (const name in options) if (Object.hasOwn(options, name)) return false
  return true
}
