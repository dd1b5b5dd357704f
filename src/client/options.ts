import type { BackendChoice } from '../backends/select.ts'
import type { BodyOptions } from '../content/body-options.ts'
import type { Progress } from '../content/progress.ts'
import type { App } from '../dispatch/apps/app-kind.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { ProxiesInit } from '../dispatch/proxies/proxy-map.ts'
import type { Trace } from '../models/events.ts'
import type { HeadersInit } from '../models/headers.ts'
import type { PoolLimits } from '../models/limits.ts'
import { checkFlag, checkOptions, isOptions, option } from '../models/options.ts'
import type { OnConnect } from '../models/route.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import type { ClientCertificate, Verify } from '../models/tls-settings.ts'
import type { Lookup } from '../pool/pool-options.ts'
import type { AuthInit } from './auth/auth.ts'
import { isJar } from './cookies/cookie-jar.ts'
import type { CookiesInit } from './cookies/cookies.ts'
import { Cookies } from './cookies/cookies.ts'
import type { ParamsInit } from './params.ts'
import type { FollowRedirects } from './redirect.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/**
 * Options that both a client and a request accept; the client's are the defaults of its requests.
 * `undefined` means that the option is not given. `null` switches it off.
 */
export interface SharedOptions {
  /**
   * Header fields. Those of the client and of the request are merged; for a name given in both, the
   * request's value is used. `null` removes the field of that name.
   */
  readonly headers?: HeadersInit | null | undefined
  /**
   * Parameters for the query of the URL. Those of the client and of the request are merged; for a
   * name given in both, the request's values are used. `null` removes the parameters of that name.
   */
  readonly params?: ParamsInit | null | undefined
  /**
   * Cookies. Those of the client and of the request are merged; for a name given in both, the
   * request's value is used. The cookies of a request are not stored in the client's jar.
   */
  readonly cookies?: CookiesInit
  /**
   * How to authenticate. Default: the userinfo of the URL, then `.netrc`. `null` or `false`
   * disables authentication from every source.
   */
  readonly auth?: AuthInit | undefined
  /**
   * Timeouts in milliseconds. A number is the limit of each phase (connect, read, write, pool). In
   * an object, missing fields are taken from the client. Default: 5000 for each phase, and no limit
   * for the whole call. `null`: no limits.
   */
  readonly timeout?: TimeoutInit
  /**
   * Whether to follow redirects, at most `maxRedirects` of them. With `'no-downgrade'`, a redirect
   * from https to http fails with `InsecureRedirect`. Default true.
   */
  readonly followRedirects?: FollowRedirects | undefined
  /**
   * Maximum number of automatic retries: after failures with `safeToRetry`, and after 429 and 503
   * responses to idempotent requests. Only a body that can be read again is sent again. The delay
   * is that of Retry-After, up to 120 s; otherwise it grows from 250 ms to 8 s, with jitter.
   * Default 0.
   */
  readonly retries?: number | null | undefined
}

/**
 * Options for all requests of a client. At most one of `proxies`, `uds`, `app` and `dispatcher` can
 * be given.
 */
export interface ClientOptions extends SharedOptions {
  /**
   * The URL that is put before relative URLs. Requests to another origin get neither the client's
   * `auth`, `params` and certificate nor its Authorization, Cookie, Proxy-Authorization and Host
   * fields.
   */
  readonly baseUrl?: string | URL | undefined
  /** How many redirects are followed before `TooManyRedirects`. Default 20. */
  readonly maxRedirects?: number | undefined
  /**
   * A proxy for all requests, or proxies by URL pattern, where `null` means a direct connection.
   * Default: the proxies of the environment, if `trustEnv` is true. If the option is given, even as
   * `null`, they are ignored.
   */
  readonly proxies?: ProxiesInit | undefined
  /**
   * How server certificates are verified: `true` (the runtime's CA certificates), the path of a CA
   * bundle or directory, options of `node:tls`, or `false` (not at all). Default true.
   */
  readonly verify?: Verify | undefined
  /**
   * The client certificate: the path of a PEM file with certificate and private key, or the paths
   * `[cert, key, passphrase?]`. It is presented only to the origin of `baseUrl`; without `baseUrl`,
   * only to the origin of the URL of the call, not to others to which a redirect leads. The same
   * applies to a certificate in `verify`.
   */
  readonly cert?: ClientCertificate | undefined
  /**
   * Whether the environment is used: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE,
   * SSL_CERT_DIR, SSLKEYLOGFILE, NODE_TLS_REJECT_UNAUTHORIZED and `.netrc`. Default true.
   */
  readonly trustEnv?: boolean | undefined
  /**
   * Path of a unix socket to which all requests are sent. A leading NUL denotes a name in the
   * abstract namespace of Linux.
   */
  readonly uds?: string | undefined
  /**
   * An app that answers all requests in this process: a `(req, res)` listener, an `http.Server`,
   * the app of a framework, or a fetch handler.
   */
  readonly app?: App | undefined
  /** A dispatcher that sends all requests. The client closes it when it is closed itself. */
  readonly dispatcher?: Dispatcher | undefined
  /**
   * Dispatchers by URL pattern. They take precedence over all other routes; `null` means that the
   * pattern has no dispatcher. The client closes them when it is closed itself.
   */
  readonly mounts?: Readonly<Record<string, Dispatcher | null | undefined>> | null | undefined
  /** The implementation of sockets and clocks. Default `'auto'`: the current runtime's. */
  readonly backend?: BackendChoice | undefined
  /** Limits of the connection pool. Default: at most 100 connections. */
  readonly poolLimits?: PoolLimits | undefined
  /**
   * Functions that are called with each request and each response. If one throws for a response
   * with status 400 or above, the first 64 KiB of its decoded body can still be read.
   */
  readonly eventHooks?: EventHooks | undefined
  /**
   * Maximum size of a response body in bytes, after decoding. A larger body fails with
   * `ResponseTooLarge`. It also limits the output of each content coding. Default `null`: no limit
   * for a body without codings; the output of each coding may have 256 MiB, or 1,100 bytes for each
   * byte received if that is more.
   */
  readonly maxResponseSize?: number | null | undefined
  /** Resolves host names instead of the runtime. Has the signature of `dns.lookup`. */
  readonly lookup?: Lookup | undefined
  /** The local IP address from which connections are opened. */
  readonly localAddress?: string | undefined
  /**
   * Called with each address before a connection to it is opened. Throw, or return a promise that
   * rejects, to refuse the address. The connection waits for the promise, within the connect
   * timeout. For URLs from others, use `publicAddressesOnly()`.
   */
  readonly onConnect?: OnConnect | undefined
  /**
   * Receives the events `request:start`, `request:end` (with durations), `connection:open` and
   * `connection:close`.
   */
  readonly trace?: Trace | undefined
}

/** Hooks are called in order and awaited. If one throws, the call fails with its error. */
export interface EventHooks {
  /**
   * Called with each request before it is sent, including those of redirects, authentication and
   * retries. May change the request.
   */
  readonly request?: readonly ((request: Request) => unknown)[] | undefined
  /**
   * Called with each response before its body is read, except for responses that are retried. May
   * `await response.read()`.
   */
  readonly response?: readonly ((response: Response) => unknown)[] | undefined
}

/** Options of a single request, except for its body. */
export interface CallOptions extends SharedOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | null | undefined
  /**
   * Called whenever the connection has accepted a part of the request body, at least every 64 KiB.
   * If it throws, the upload fails with its error.
   */
  readonly onUploadProgress?: ((progress: Progress) => void) | undefined
  /**
   * Called whenever a part of the response body has been received. Counts bytes before decoding. If
   * it throws, reading the body fails with its error.
   */
  readonly onDownloadProgress?: ((progress: Progress) => void) | undefined
}

/** Options of a request, including at most one body. */
export type RequestOptions = CallOptions & BodyOptions

/** Options of a module function, which creates a client for a single call. */
export type OneCallOptions = ClientOptions & RequestOptions

/**
 * Options of `client.send()`. Those that are not given are taken from `buildRequest()`, then from
 * the client.
 */
export interface SendOptions
  extends Pick<CallOptions, 'auth' | 'timeout' | 'followRedirects' | 'signal'> {
  /** Whether to resolve when the response head has arrived, with the body unread. Default false. */
  readonly stream?: boolean | undefined
}

const SHARED_NAMES = [
  'headers',
  'params',
  'cookies',
  'auth',
  'timeout',
  'followRedirects',
  'retries',
] as const
const CLIENT_ONLY_NAMES = [
  'baseUrl',
  'maxRedirects',
  'proxies',
  'verify',
  'cert',
  'trustEnv',
  'uds',
  'app',
  'dispatcher',
  'mounts',
  'backend',
  'poolLimits',
  'eventHooks',
  'maxResponseSize',
  'lookup',
  'localAddress',
  'onConnect',
  'trace',
] as const
const REQUEST_ONLY_NAMES = [
  'content',
  'data',
  'json',
  'files',
  'signal',
  'onUploadProgress',
  'onDownloadProgress',
] as const
const CLIENT_NAMES = [...SHARED_NAMES, ...CLIENT_ONLY_NAMES] as const
const REQUEST_NAMES = [...SHARED_NAMES, ...REQUEST_ONLY_NAMES] as const
const ONE_CALL_NAMES = [...CLIENT_NAMES, ...REQUEST_ONLY_NAMES] as const
const SEND_NAMES = ['stream', 'auth', 'timeout', 'followRedirects', 'signal'] as const
const clientOnlyNames = new Set<string>(CLIENT_ONLY_NAMES)

/** The parts of a request that options determine, as bits. */
export const PARTS = { url: 1, headers: 2, content: 4, settings: 8 } as const

const partOf: Readonly<Record<(typeof REQUEST_NAMES)[number], number>> = {
  params: PARTS.url,
  headers: PARTS.headers,
  content: PARTS.content,
  json: PARTS.content,
  data: PARTS.content,
  files: PARTS.content,
  onUploadProgress: PARTS.content,
  cookies: PARTS.settings,
  auth: PARTS.settings,
  timeout: PARTS.settings,
  followRedirects: PARTS.settings,
  retries: PARTS.settings,
  signal: PARTS.settings,
  onDownloadProgress: PARTS.settings,
}
const parts: ReadonlyMap<string, number> = new Map(Object.entries(partOf))

export function checkClientOptions(options: ClientOptions): void {
  checkOptions('Client', options, CLIENT_NAMES)
}

/**
 * Checks the names of the options. Returns the parts of the request that they determine: the other
 * options need not be read. Throws `TypeError` for a client option too, so that it is never ignored
 * silently.
 */
export function checkRequestOptions(options: RequestOptions): number {
  if (!isOptions(options)) refuseRequestOptions(options)
  let found = 0
  for (const name of Object.keys(options)) {
    const part = parts.get(name)
    if (part === undefined) refuseRequestOptions(options)
    else found |= part
  }
  return found
}

/** Throws a `TypeError` that tells what is wrong with the options. */
function refuseRequestOptions(options: RequestOptions): void {
  rejectBodyOption(options)
  for (const name in options) {
    if (clientOnlyNames.has(name) && Object.hasOwn(options, name)) {
      throw new TypeError(`${name} is an option of the Client and cannot be set for one request`)
    }
  }
  checkOptions('request', options, REQUEST_NAMES)
}

export function checkSendOptions(options: SendOptions): void {
  checkOptions('send', options, SEND_NAMES)
  checkFlag('stream', option(options, 'stream', false))
}

/** `fetch` and undici have an option `body`: the message names the options to use instead. */
function rejectBodyOption(options: object): void {
  if (options !== null && Object.hasOwn(options, 'body')) {
    throw new TypeError('request.body is not an option; use content, json, data or files')
  }
}

/** Whether these cookies are an object of the caller in which response cookies must be stored. */
function isCookieStorage(cookies: unknown): boolean {
  return cookies instanceof Cookies || isJar(cookies)
}

/** Splits the options of a module function into those of its client and those of its request. */
export function splitOptions(options: OneCallOptions): [ClientOptions, RequestOptions] {
  rejectBodyOption(options)
  checkOptions('request', options, ONE_CALL_NAMES)
  const clientOptions: Record<string, unknown> = {}
  const requestOptions: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const isForClient = clientOnlyNames.has(name) || (name === 'cookies' && isCookieStorage(value))
    if (isForClient) clientOptions[name] = value
    else requestOptions[name] = value
  }
  return [clientOptions, requestOptions as RequestOptions]
}

export type ResolvedHooks = { readonly [Name in keyof EventHooks]-?: NonNullable<EventHooks[Name]> }

/** Copies the lists of hooks. Throws `TypeError` unless each is an array of functions. */
export function resolveEventHooks(hooks: EventHooks): ResolvedHooks {
  checkOptions('eventHooks', hooks, ['request', 'response'])
  return {
    request: copyHooks('request', option(hooks, 'request', [])),
    response: copyHooks('response', option(hooks, 'response', [])),
  }
}

function copyHooks<Hook>(name: keyof EventHooks, hooks: readonly Hook[]): readonly Hook[] {
  if (Array.isArray(hooks) && hooks.every((hook) => typeof hook === 'function')) return [...hooks]
  throw new TypeError(`eventHooks.${name} must be an array of functions`)
}
