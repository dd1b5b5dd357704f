import { InvalidURL, redactUrl, UnsupportedProtocol } from '../errors.ts'
import { FORBIDDEN_IN_URL, parseUrlOrNull } from './url.ts'

/** A parsed origin: scheme, host and port. RFC 9110 4.3.1 */
export interface Origin {
  /** The value of `URL.origin`: the default port of the scheme is omitted. */
  readonly key: string
  /** Whether the scheme is https. */
  readonly secure: boolean
  /** The host name or IP address to connect to and to verify. IPv6 addresses have no brackets. */
  readonly host: string
  /** The version of the IP address; null if `host` is a name. */
  readonly ipVersion: 4 | 6 | null
  readonly port: number
  /** The value of Host: the default port is omitted, and IPv6 addresses have brackets. */
  readonly authority: string
}

/**
 * Parses an origin. Throws `InvalidURL` for a URL that is not an origin, and `UnsupportedProtocol`
 * for a scheme other than http and https.
 */
export function parseOrigin(given: string | URL): Origin {
  if (typeof given === 'string' && FORBIDDEN_IN_URL.test(given)) {
    throw new InvalidURL(
      `The origin contains a control character: ${JSON.stringify(redactUrl(given))}`,
    )
  }
  const url = parseUrlOrNull(given)
  if (url === null) {
    throw new InvalidURL(`Invalid origin: ${JSON.stringify(redactUrl(String(given)))}`)
  }
  const secure = url.protocol === 'https:'
  if (!secure && url.protocol !== 'http:') {
    throw new UnsupportedProtocol(`Unsupported URL scheme: ${url.protocol.slice(0, -1)}`)
  }
  if (url.pathname !== '/' || url.search + url.hash + url.username + url.password !== '') {
    throw new InvalidURL(
      `An origin must contain only a scheme, host and port: ${redactUrl(url.href)}`,
    )
  }
  // The URL parser has normalised the host, so only an address consists of digits and dots.
  const { hostname } = url
  const isV6 = hostname.startsWith('[')
  return {
    key: url.origin,
    secure,
    host: isV6 ? hostname.slice(1, -1) : hostname,
    ipVersion: isV6 ? 6 : /^[\d.]+$/.test(hostname) ? 4 : null,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authority: url.host,
  }
}
