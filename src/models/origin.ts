import { InvalidURL, redactUrl, UnsupportedProtocol } from '../errors.ts'
import { NOT_IN_URL, parsedUrl } from './url.ts'

/** Where requests go: scheme, host and port, taken apart once. RFC 9110 4.3.1 */
export interface Origin {
  /** As `URL.origin` has it: without the port where it is the scheme's own. */
  readonly key: string
  readonly secure: boolean
  /** The name or address that is connected to and verified: no brackets. */
  readonly host: string
  /** Of `host`, when it is an address; null for a name. */
  readonly ipVersion: 4 | 6 | null
  readonly port: number
  /** The value of Host: the port only where it is not the scheme's own, brackets around IPv6. */
  readonly authority: string
}

/** Throws `InvalidURL` for what is no origin, `UnsupportedProtocol` for a scheme but http and https. */
export function parseOrigin(given: string | URL): Origin {
  if (typeof given === 'string' && NOT_IN_URL.test(given)) {
    throw new InvalidURL(`The origin has a control character: ${JSON.stringify(redactUrl(given))}`)
  }
  const url = parsedUrl(given)
  if (url === null) {
    throw new InvalidURL(`Not an origin: ${JSON.stringify(redactUrl(String(given)))}`)
  }
  const secure = url.protocol === 'https:'
  if (!secure && url.protocol !== 'http:') {
    throw new UnsupportedProtocol(`Only http and https are spoken, not ${url.protocol}`)
  }
  if (
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new InvalidURL(`An origin is scheme, host and port alone: ${redactUrl(url.href)}`)
  }
  // WHATWG has normalised it: what looks like an address is one.
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
