import type { BackendChoice } from '../backends/select.ts'
import type { BodyOptions } from '../content/body-options.ts'
import type { Progress } from '../content/progress.ts'
import type { App } from '../dispatch/apps/app-kind.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { ProxiesInit } from '../dispatch/proxies/proxy-map.ts'
import type { Trace } from '../models/events.ts'
import type { HeadersInit } from '../models/headers.ts'
import type { PoolLimits } from '../models/limits.ts'
import { checkOptions, flag, option } from '../models/options.ts'
import type { HTTPProxy } from '../models/proxy.ts'
import type { ConnectFacts } from '../models/route.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import type { ClientCertificate, Verify } from '../models/tls-settings.ts'
import type { Lookup } from '../pool/pool-options.ts'
import type { AuthInit } from './auth/auth.ts'
import { isJar } from './cookies/cookie-jar.ts'
import type { CookiesInit } from './cookies/cookies.ts'
import { Cookies } from './cookies/cookies.ts'
import type { ParamsInit } from './params.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** What a client and a request can be given both. `undefined` is not given, `null` switches off. */
export interface SharedOptions {
  /** Merged; the request wins for a name, and null removes it. */
  readonly headers?: HeadersInit | null | undefined
  /** For the URL's query. Merged; the request wins for a name, and null removes it. */
  readonly params?: ParamsInit | null | undefined
  /** Merged; the request wins for a name. Those of a request are not kept. */
  readonly cookies?: CookiesInit
  /** Null or false: none, not from the URL or .netrc either. */
  readonly auth?: AuthInit | undefined
  /** Milliseconds for each phase; of an object what it leaves out comes from the client. */
  readonly timeout?: TimeoutInit
  /** Default true, `maxRedirects` at the most. */
  readonly followRedirects?: boolean | undefined
  /** How many more times a request is sent that failed in a way in which this is safe. Default 0. */
  readonly retries?: number | null | undefined
}

/** Options for all requests of a client. */
export interface ClientOptions extends SharedOptions {
  /** Put before relative URLs. Requests to other origins get none of the client's credentials. */
  readonly baseUrl?: string | URL | undefined
  /** Default 20; then `TooManyRedirects`. */
  readonly maxRedirects?: number | undefined
  /** A proxy for all requests, or for those of a URL pattern; null is direct. Replaces the environment's. */
  readonly proxies?: ProxiesInit<HTTPProxy> | undefined
  /** Whom servers' certificates must satisfy: true, a path to a bundle or folder, or TLS settings; false for anyone. */
  readonly verify?: Verify | undefined
  /** The client's own certificate: a path to a PEM with its key, or `[cert, key, passphrase?]`. */
  readonly cert?: ClientCertificate | undefined
  /**
   * Whether the environment may say something: HTTP_PROXY and its like, SSL_CERT_FILE, SSL_CERT_DIR,
   * SSLKEYLOGFILE, .netrc. Default true.
   */
  readonly trustEnv?: boolean | undefined
  /** A unix socket for every request; a leading NUL is Linux's abstract namespace. */
  readonly uds?: string | undefined
  /** An app that answers every request in this process: `(req, res)`, an `http.Server`, a framework's, or a fetch handler. */
  readonly app?: App | undefined
  /** What sends every request, instead of connections. Closed with the client. */
  readonly dispatcher?: Dispatcher | undefined
  /** Dispatchers for URL patterns, before everything else; null for none. Closed with the client. */
  readonly mounts?: Readonly<Record<string, Dispatcher | null | undefined>> | null | undefined
  readonly backend?: BackendChoice | undefined
  readonly poolLimits?: PoolLimits | undefined
  readonly eventHooks?: EventHooks | undefined
  /** Bytes that may come out of a response's body, decoded; null, the default, for any number. Then `ResponseTooLarge`. */
  readonly maxResponseSize?: number | null | undefined
  /** Instead of the runtime's name resolution, with the signature of `dns.lookup`. */
  readonly lookup?: Lookup | undefined
  /** The address that connections are made from. */
  readonly localAddress?: string | undefined
  /** Sees each address before it is connected to, and may throw to refuse it. */
  readonly onConnect?: ((facts: ConnectFacts) => void) | undefined
  /** Hears of every exchange and connection: what took how long, and why it ended. */
  readonly trace?: Trace | undefined
}

/** Called in order and awaited; what one throws fails the call. */
export interface EventHooks {
  /** Sees each request before it is sent, redirects, auth rounds and retries included, and may change it. */
  readonly request?: readonly ((request: Request) => unknown)[] | undefined
  /** Sees each response before its body is read, but those that are retried; may `await response.read()`. */
  readonly response?: readonly ((response: Response) => unknown)[] | undefined
}

/** What belongs to one request, besides its body. */
export interface CallOptions extends SharedOptions {
  /** Aborts the call at any time, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | null | undefined
  readonly onUploadProgress?: ((progress: Progress) => void) | undefined
  /** Of what comes over the wire, before decoding. */
  readonly onDownloadProgress?: ((progress: Progress) => void) | undefined
}

/** Options of one request; one body at the most. */
export type RequestOptions = CallOptions & BodyOptions

/** Options of a module function, which makes a client for one call. */
export type OneCallOptions = ClientOptions & RequestOptions

/** How a built request is sent; what is left out comes from the request, then from the client. */
export interface SendOptions
  extends Pick<CallOptions, 'auth' | 'timeout' | 'followRedirects' | 'signal'> {
  /** Resolve when the head is here, the body still to be read or closed. */
  readonly stream?: boolean | undefined
}

const SHARED = [
  'headers',
  'params',
  'cookies',
  'auth',
  'timeout',
  'followRedirects',
  'retries',
] as const
const OF_CLIENT = [
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
const OF_REQUEST = [
  'content',
  'data',
  'json',
  'files',
  'signal',
  'onUploadProgress',
  'onDownloadProgress',
] as const
const CLIENT = [...SHARED, ...OF_CLIENT] as const
const REQUEST = [...SHARED, ...OF_REQUEST] as const
const ONE_CALL = [...CLIENT, ...OF_REQUEST] as const
const SEND = ['stream', 'auth', 'timeout', 'followRedirects', 'signal'] as const
const clientOnly = new Set<string>(OF_CLIENT)

export function checkClientOptions(options: ClientOptions): void {
  checkOptions('Client', options, CLIENT)
}

/** An option of the client is never ignored in silence. */
export function checkRequestOptions(options: RequestOptions): void {
  refuseBody(options)
  for (const name in options) {
    if (clientOnly.has(name) && Object.hasOwn(options, name)) {
      throw new TypeError(`${name} is an option of the Client, and a request cannot change it`)
    }
  }
  checkOptions('request', options, REQUEST)
}

export function checkSendOptions(options: SendOptions): void {
  checkOptions('send', options, SEND)
  flag('stream', option(options, 'stream', false))
}

/** What `fetch` calls it. */
function refuseBody(options: object): void {
  if (options !== null && Object.hasOwn(options, 'body')) {
    throw new TypeError(
      'request.body is not an option: a body is given as content, json, data or files',
    )
  }
}

/** Cookies that are the caller's to keep: what responses set goes there. */
function isKept(cookies: unknown): boolean {
  return cookies instanceof Cookies || isJar(cookies)
}

/** The client's options, and those of the request. */
export function splitOptions(options: OneCallOptions): [ClientOptions, RequestOptions] {
  refuseBody(options)
  checkOptions('request', options, ONE_CALL)
  const ofClient: Record<string, unknown> = {}
  const ofRequest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (clientOnly.has(name) || (name === 'cookies' && isKept(value))) ofClient[name] = value
    else ofRequest[name] = value
  }
  return [ofClient, ofRequest as RequestOptions]
}

export type ResolvedHooks = { readonly [Name in keyof EventHooks]-?: NonNullable<EventHooks[Name]> }

/** Throws `TypeError` for what is no list of functions. */
export function resolveEventHooks(hooks: EventHooks): ResolvedHooks {
  checkOptions('eventHooks', hooks, ['request', 'response'])
  return { request: listOf(hooks, 'request'), response: listOf(hooks, 'response') }
}

function listOf<Name extends keyof EventHooks>(hooks: EventHooks, name: Name): ResolvedHooks[Name] {
  const given: unknown = option(hooks, name, [])
  if (Array.isArray(given) && given.every((hook) => typeof hook === 'function')) {
    return [...given] as unknown as ResolvedHooks[Name]
  }
  throw new TypeError(`eventHooks.${name} must be an array of functions`)
}
