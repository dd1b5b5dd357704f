import type { ConnectionOptions } from 'node:tls'
import { inspect } from 'node:util'
import { InvalidURL, LocalProtocolError, redactUrl } from '../errors.ts'
import type { HeadersInit } from './headers.ts'
import { Headers } from './headers.ts'
import { checkOptions, option } from './options.ts'
import type { Origin } from './origin.ts'
import { parseOrigin } from './origin.ts'
import type { ClientCertificate, Verify } from './tls-settings.ts'
import { tlsSettings } from './tls-settings.ts'
import { NOT_IN_URL, parsedUrl, percentDecode } from './url.ts'

/**
 * What a proxy is asked for. `DEFAULT`: http is forwarded, https goes through a tunnel.
 * `TUNNEL_ONLY`: everything goes through tunnels. `FORWARD_ONLY`: everything is forwarded, so the
 * proxy reads https requests in clear. A SOCKS proxy knows tunnels alone.
 */
export type ProxyMode = 'DEFAULT' | 'TUNNEL_ONLY' | 'FORWARD_ONLY'

/** What an `HTTPProxy` is made with, besides its URL. */
export interface HTTPProxyOptions {
  readonly mode?: ProxyMode | undefined
  /** For the proxy: sent with CONNECT and with what is forwarded, never through a tunnel. */
  readonly headers?: HeadersInit | null | undefined
  /** User and password, instead of those in the URL; null for none. */
  readonly auth?: readonly [user: string, password: string] | null | undefined
  /** Whom an https proxy's certificate must satisfy; as the client's `verify`, and apart from it. */
  readonly verify?: Verify | undefined
  /** Our certificate for an https proxy; as the client's `cert`. */
  readonly cert?: ClientCertificate | null | undefined
  /** Whether the environment has a say in `verify`. Not given: as the client that uses the proxy says. */
  readonly trustEnv?: boolean | undefined
}

const OPTIONS = ['mode', 'headers', 'auth', 'verify', 'cert', 'trustEnv'] as const
const MODES: readonly unknown[] = ['DEFAULT', 'TUNNEL_ONLY', 'FORWARD_ONLY']

/** Fields that belong to the one request they stand in. */
const OF_THE_REQUEST = [
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade'],
  'expect',
]

type Scheme = 'http' | 'https' | 'socks5' | 'socks5h'
const SCHEMES: readonly string[] = ['http', 'https', 'socks5', 'socks5h']
const SOCKS_PORT = 1080

/** RFC 1929 2: the length of each is one byte. */
const MAX_SOCKS_CREDENTIAL = 255

/** What the engine knows of a proxy; its secrets are here, and nowhere that a log could show them. */
export interface ProxySettings {
  readonly scheme: Scheme
  /** Where it is. Its key names the proxy, and is no request's origin. */
  readonly origin: Origin
  readonly mode: ProxyMode
  /** Names and values in turn, Proxy-Authorization among them. */
  readonly headers: readonly string[]
  /** For SOCKS. */
  readonly credentials: Credentials | null
  readonly hasCredentials: boolean
  readonly tls: ConnectionOptions
}

export interface Credentials {
  readonly user: Buffer
  readonly password: Buffer
}

const settings = new WeakMap<HTTPProxy, ProxySettings>()

export function proxySettings(proxy: HTTPProxy): ProxySettings {
  return settings.get(proxy) as ProxySettings
}

/** A proxy and how it is used: http, https, socks5 (names are resolved here) or socks5h (by the proxy). */
export class HTTPProxy {
  /** Without user and password. */
  readonly url: string
  readonly mode: ProxyMode
  readonly #given: HTTPProxyOptions & { readonly url: string | URL }

  /**
   * User and password in the URL count, percent-decoded. Throws `InvalidURL` for what is no proxy's
   * URL, `TypeError` for a bad option.
   */
  constructor(url: string | URL, options: HTTPProxyOptions = {}) {
    checkOptions('HTTPProxy', options, OPTIONS)
    const { scheme, origin, userinfo } = parseProxyUrl(url)
    const credentials = credentialsOf(option(options, 'auth', undefined), userinfo, scheme)
    const mode = option(options, 'mode', 'DEFAULT')
    if (!MODES.includes(mode)) throw new TypeError(`HTTPProxy.mode must be ${MODES.join(', ')}`)
    if (mode === 'FORWARD_ONLY' && isSocks(scheme)) {
      throw new TypeError(`HTTPProxy.mode: a ${scheme} proxy does not forward`)
    }
    const headers = headersOf(options, scheme)
    if (headers.has('proxy-authorization') && credentials !== null) {
      throw new TypeError(
        'HTTPProxy has credentials twice: Proxy-Authorization in its headers, too',
      )
    }
    if (credentials !== null && !isSocks(scheme)) {
      headers.set('Proxy-Authorization', basic(credentials))
    }
    this.url = origin.key
    this.mode = mode
    this.#given = { ...options, url }
    settings.set(this, {
      scheme,
      origin: { ...origin, key: `proxy ${origin.key}` },
      mode,
      headers: headers.flat(),
      credentials,
      hasCredentials: credentials !== null || headers.has('proxy-authorization'),
      tls: tlsSettings({
        verify: option(options, 'verify', undefined),
        cert: option(options, 'cert', undefined),
        trustEnv: option(options, 'trustEnv', false),
      }),
    })
  }

  /** What was given as a proxy, with this `trustEnv` if it has none of its own. Throws as the constructor does. */
  static from(given: HTTPProxy | string | URL, trustEnv?: boolean): HTTPProxy {
    if (typeof given === 'string' || given instanceof URL) return new HTTPProxy(given, { trustEnv })
    if (!(given instanceof HTTPProxy)) {
      throw new TypeError('A proxy has to be an HTTPProxy or its URL')
    }
    const { url, ...options } = given.#given
    if (trustEnv === undefined || option(options, 'trustEnv', undefined) !== undefined) return given
    return new HTTPProxy(url, { ...options, trustEnv })
  }

  [inspect.custom](): string {
    const { hasCredentials } = proxySettings(this)
    return `<HTTPProxy [${this.url}, ${this.mode}${hasCredentials ? ', with credentials' : ''}]>`
  }
}

export function isSocks(scheme: Scheme): boolean {
  return scheme === 'socks5' || scheme === 'socks5h'
}

function parseProxyUrl(given: string | URL) {
  if (typeof given !== 'string' && !(given instanceof URL)) {
    throw new TypeError(`A proxy's URL must be a string or a URL, not ${typeof given}`)
  }
  const text = String(given)
  // No cause: Node's error holds the URL whole, secrets and all.
  const bad = (why: string) =>
    new InvalidURL(`Not the URL of a proxy, ${why}: ${JSON.stringify(redactUrl(text))}`)
  if (NOT_IN_URL.test(text)) throw bad('it has a control character')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1].toLowerCase()
  if (scheme === undefined || !SCHEMES.includes(scheme)) {
    throw bad(`which begins with one of ${SCHEMES.map((each) => `${each}://`).join(' ')}`)
  }
  const port = parsedUrl(text)?.port
  if (port === undefined) throw bad('it cannot be parsed')
  // Hosts are normalised in schemes that WHATWG knows, and only there.
  const asHttp = text.replace(/^socks5h?/i, 'http')
  const url = parsedUrl(asHttp)
  if (url === null) throw bad('its host cannot be parsed')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw bad('it has a path')
  const { username, password } = url
  url.username = url.password = ''
  const origin = parseOrigin(url)
  return {
    scheme: scheme as Scheme,
    origin: isSocks(scheme as Scheme) ? asSocks(origin, scheme, port) : origin,
    userinfo: username === '' && password === '' ? null : { username, password },
  }
}

function asSocks(origin: Origin, scheme: string, given: string): Origin {
  const port = given === '' ? SOCKS_PORT : Number(given)
  const host = origin.ipVersion === 6 ? `[${origin.host}]` : origin.host
  const authority = `${host}:${port}`
  return { ...origin, key: `${scheme}://${authority}`, port, authority }
}

function credentialsOf(
  auth: unknown,
  userinfo: { username: string; password: string } | null,
  scheme: Scheme,
): Credentials | null {
  if (auth === null || (auth === undefined && userinfo === null)) return null
  const credentials =
    auth === undefined && userinfo !== null
      ? { user: percentDecode(userinfo.username), password: percentDecode(userinfo.password) }
      : fromPair(auth)
  const { user, password } = credentials
  if (isSocks(scheme)) {
    if (user.length === 0 || Math.max(user.length, password.length) > MAX_SOCKS_CREDENTIAL) {
      throw new TypeError('HTTPProxy: user and password for SOCKS have 1 to 255 bytes (RFC 1929)')
    }
  } else if (user.includes(':')) {
    throw new TypeError('HTTPProxy: a user name has no colon in it (RFC 7617 2)')
  }
  return credentials
}

function fromPair(auth: unknown): Credentials {
  if (!Array.isArray(auth) || auth.length !== 2 || auth.some((part) => typeof part !== 'string')) {
    throw new TypeError('HTTPProxy.auth must be [user, password], two strings')
  }
  const [user, password] = auth as [string, string]
  return { user: Buffer.from(user), password: Buffer.from(password) }
}

/** RFC 7617 2 */
function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.concat([user, Buffer.from(':'), password]).toString('base64')}`
}

function headersOf(options: HTTPProxyOptions, scheme: Scheme): Headers {
  let headers: Headers
  try {
    headers = new Headers(option(options, 'headers', null))
  } catch (error) {
    if (!(error instanceof LocalProtocolError)) throw error
    throw new TypeError(`HTTPProxy.headers: ${error.message}`)
  }
  for (const name of OF_THE_REQUEST) {
    if (headers.has(name)) throw new TypeError(`HTTPProxy.headers: ${name} is each request's own`)
  }
  if (isSocks(scheme) && headers.flat().length > 0) {
    throw new TypeError(`HTTPProxy.headers: a ${scheme} proxy takes none`)
  }
  return headers
}
