import type { ConnectionOptions } from 'node:tls'
import { inspect } from 'node:util'
import { InvalidURL, LocalProtocolError } from '../errors.ts'
import { redactProxyUrl } from '../redaction.ts'
import type { HeadersInit } from './headers.ts'
import { Headers } from './headers.ts'
import { checkOptions, option } from './options.ts'
import type { Origin } from './origin.ts'
import { parseOrigin } from './origin.ts'
import type { ClientCertificate, Verify } from './tls-settings.ts'
import { resolveTlsSettings } from './tls-settings.ts'
import { FORBIDDEN_IN_URL, isUrl, parseUrlOrNull, percentDecode } from './url.ts'

/**
 * How requests are sent to a proxy. `DEFAULT` forwards http requests and tunnels https requests.
 * `TUNNEL_ONLY` tunnels all requests. `FORWARD_ONLY` forwards all requests, so that the proxy can
 * read https requests. SOCKS proxies support only tunnels.
 */
export type ProxyMode = 'DEFAULT' | 'TUNNEL_ONLY' | 'FORWARD_ONLY'

/** The options of an `HTTPProxy`. */
export interface HTTPProxyOptions {
  /** How requests are sent to the proxy. Default `DEFAULT`. */
  readonly mode?: ProxyMode | undefined
  /**
   * Headers for the proxy. Sent with CONNECT and with forwarded requests, never through a tunnel.
   */
  readonly headers?: HeadersInit | null | undefined
  /** User name and password. Replaces the credentials in the URL; null removes them. */
  readonly auth?: readonly [user: string, password: string] | null | undefined
  /**
   * How the certificate of an https proxy is verified. Does not affect the origins. Default true.
   */
  readonly verify?: Verify | undefined
  /** The client certificate for an https proxy. Default null. */
  readonly cert?: ClientCertificate | null | undefined
  /** Whether environment variables affect `verify`. Default: the `trustEnv` of the client. */
  readonly trustEnv?: boolean | undefined
}

const OPTION_NAMES = ['mode', 'headers', 'auth', 'verify', 'cert', 'trustEnv'] as const
const MODES: readonly unknown[] = ['DEFAULT', 'TUNNEL_ONLY', 'FORWARD_ONLY']

/** Fields that Hawser determines for each request. */
const PER_REQUEST_FIELDS = [
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade'],
  'expect',
]

type Scheme = 'http' | 'https' | 'socks5' | 'socks5h'
const SCHEMES: readonly string[] = ['http', 'https', 'socks5', 'socks5h']
const SOCKS_PORT = 1080

/** In bytes. RFC 1929 2 encodes each length in one byte. */
const MAX_SOCKS_CREDENTIAL = 255

/**
 * A proxy as the engine uses it. Contains secrets, so no object that a log may show refers to it.
 */
export interface ProxySettings {
  readonly scheme: Scheme
  /**
   * The address of the proxy. Its key begins with `proxy`, so it never equals the origin of a
   * request.
   */
  readonly origin: Origin
  readonly mode: ProxyMode
  /** Alternating names and values, including Proxy-Authorization. */
  readonly headers: readonly string[]
  /**
   * User name and password. HTTP proxies get them as Proxy-Authorization, SOCKS proxies as they
   * are.
   */
  readonly credentials: Credentials | null
  readonly hasCredentials: boolean
  readonly tls: ConnectionOptions
}

export interface Credentials {
  readonly user: Buffer
  readonly password: Buffer
}

const settings = new WeakMap<HTTPProxy, ProxySettings>()

export function proxySettingsOf(proxy: HTTPProxy): ProxySettings {
  return settings.get(proxy) as ProxySettings
}

/**
 * A proxy and its settings. The scheme of its URL is http, https, socks5 (the client resolves host
 * names) or socks5h (the proxy resolves host names).
 */
export class HTTPProxy {
  /** The URL without credentials. */
  readonly url: string
  /** How requests are sent to the proxy. */
  readonly mode: ProxyMode
  readonly #given: HTTPProxyOptions & { readonly url: string | URL }

  /**
   * Throws `InvalidURL` for a URL that is not that of a proxy, and `TypeError` for an invalid
   * option.
   *
   * @param url the URL of the proxy. Credentials in it are percent-decoded and used
   */
  constructor(url: string | URL, options: HTTPProxyOptions = {}) {
    checkOptions('HTTPProxy', options, OPTION_NAMES)
    const { scheme, origin, userinfo } = parseProxyUrl(url)
    const credentials = credentialsOf(option(options, 'auth', undefined), userinfo, scheme)
    const mode = option(options, 'mode', 'DEFAULT')
    if (!MODES.includes(mode))
      throw new TypeError(`HTTPProxy.mode must be one of ${MODES.join(', ')}`)
    if (mode === 'FORWARD_ONLY' && isSocks(scheme)) {
      throw new TypeError(`HTTPProxy.mode: a ${scheme} proxy cannot forward requests`)
    }
    const headers = headersOf(options, scheme)
    if (headers.has('proxy-authorization') && credentials !== null) {
      throw new TypeError(
        'HTTPProxy has credentials twice: remove Proxy-Authorization from headers, or auth and userinfo',
      )
    }
    if (credentials !== null && !isSocks(scheme)) {
      headers.set('Proxy-Authorization', basicAuthorization(credentials))
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
      tls: resolveTlsSettings({
        verify: option(options, 'verify', undefined),
        cert: option(options, 'cert', undefined),
        // No other connection to a proxy uses the files of the environment, which can be missing.
        trustEnv: scheme === 'https' && option(options, 'trustEnv', false),
      }),
    })
  }

  /**
   * Returns a proxy for a URL or an `HTTPProxy`. `trustEnv` is its default for the option of that
   * name. Throws as the constructor does.
   */
  static from(given: HTTPProxy | string | URL, trustEnv?: boolean): HTTPProxy {
    if (typeof given === 'string' || isUrl(given)) return new HTTPProxy(given, { trustEnv })
    if (!(given instanceof HTTPProxy)) {
      throw new TypeError('A proxy must be an HTTPProxy or the URL of a proxy')
    }
    const { url, ...options } = given.#given
    if (trustEnv === undefined || option(options, 'trustEnv', undefined) !== undefined) return given
    return new HTTPProxy(url, { ...options, trustEnv })
  }

  [inspect.custom](): string {
    const { hasCredentials } = proxySettingsOf(this)
    return `<HTTPProxy [${this.url}, ${this.mode}${hasCredentials ? ', with credentials' : ''}]>`
  }
}

export function isSocks(scheme: Scheme): boolean {
  return scheme === 'socks5' || scheme === 'socks5h'
}

function parseProxyUrl(given: string | URL) {
  if (typeof given !== 'string' && !isUrl(given)) {
    throw new TypeError(`The URL of a proxy must be a string or a URL, not ${typeof given}`)
  }
  const text = String(given)
  // The errors have no cause: Node's error contains the complete URL, including secrets.
  const invalid = (why: string) =>
    new InvalidURL(`Invalid proxy URL ${JSON.stringify(redactProxyUrl(text))}: ${why}`)
  if (FORBIDDEN_IN_URL.test(text)) throw invalid('it contains a control character')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined || !SCHEMES.includes(scheme)) {
    throw invalid(`it must begin with one of ${SCHEMES.map((each) => `${each}://`).join(' ')}`)
  }
  const port = parseUrlOrNull(text)?.port
  if (port === undefined) throw invalid('it cannot be parsed')
  // The URL parser normalises hosts only for schemes that WHATWG calls special, such as http.
  const asHttp = text.replace(/^socks5h?/i, 'http')
  const url = parseUrlOrNull(asHttp)
  if (url === null) throw invalid('its host cannot be parsed')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid('it must not have a path, query or fragment')
  }
  const user = percentDecode(url.username)
  const password = percentDecode(url.password)
  url.username = url.password = ''
  const origin = parseOrigin(url)
  return {
    scheme: scheme as Scheme,
    origin: isSocks(scheme as Scheme) ? toSocksOrigin(origin, scheme, port) : origin,
    userinfo: user.length + password.length === 0 ? null : { user, password },
  }
}

/** Replaces the scheme http, with which the URL was parsed, and its default port. */
function toSocksOrigin(origin: Origin, scheme: string, given: string): Origin {
  const port = given === '' ? SOCKS_PORT : Number(given)
  const host = origin.ipVersion === 6 ? `[${origin.host}]` : origin.host
  const authority = `${host}:${port}`
  return { ...origin, key: `${scheme}://${authority}`, port, authority }
}

function credentialsOf(
  auth: unknown,
  userinfo: Credentials | null,
  scheme: Scheme,
): Credentials | null {
  const credentials = auth === undefined ? userinfo : auth && fromPair(auth)
  if (credentials === null) return null
  const { user, password } = credentials
  if (isSocks(scheme)) {
    if (user.length === 0 || Math.max(user.length, password.length) > MAX_SOCKS_CREDENTIAL) {
      throw new TypeError(
        'HTTPProxy: user name and password for SOCKS must have 1 to 255 bytes (RFC 1929)',
      )
    }
  } else if (user.includes(':')) {
    throw new TypeError('HTTPProxy: the user name must not contain a colon (RFC 7617 2)')
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

/** Returns the value of Proxy-Authorization. RFC 7617 2 */
function basicAuthorization({ user, password }: Credentials): string {
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
  const refused = PER_REQUEST_FIELDS.find((name) => headers.has(name))
  if (refused !== undefined) {
    throw new TypeError(`HTTPProxy.headers must not contain ${refused}, which each request sets`)
  }
  if (isSocks(scheme) && headers.flat().length > 0) {
    throw new TypeError(`HTTPProxy.headers: a ${scheme} proxy does not accept headers`)
  }
  return headers
}
