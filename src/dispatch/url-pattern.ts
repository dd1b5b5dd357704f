import { redactUrl } from '../errors.ts'
import { normalizeHost } from './host.ts'

/** Which URLs a key of `proxies` or `mounts` means. Null is every scheme, host or port. */
export interface UrlPattern {
  readonly scheme: string | null
  readonly host: string | null
  /** Of a `host` with `*`. */
  readonly wildcard: Wildcard | null
  readonly port: number | null
}

const KEY = /^(all|https?)(?::\/\/(?:(\[[^\]]*\]|[^[\]:/]+)(?::(\d{1,5}))?\/?)?)?$/i

/** From `scheme://host:port`, `scheme://host` or `scheme`. Null for what is none of these. */
export function parsePattern(key: string): UrlPattern | null {
  const [, givenScheme, givenHost, givenPort] = KEY.exec(key) ?? []
  if (givenScheme === undefined) return null
  const scheme = givenScheme.toLowerCase() === 'all' ? null : givenScheme.toLowerCase()
  const port = givenPort === undefined ? null : Number(givenPort)
  if (givenHost === undefined || (givenHost === '*' && port === null)) {
    return { scheme, host: null, wildcard: null, port: null }
  }
  const host = normalizeHost(givenHost)
  if (host === null || isMangled(host) || (port ?? 0) > 65_535) return null
  return { scheme, host, wildcard: host.includes('*') ? new Wildcard(host) : null, port }
}

/** How messages call a key: it may be a URL with a password. */
export function keyName(label: string, key: string): string {
  return `${label}[${JSON.stringify(/[@?#]/.test(key) ? redactUrl(key) : key)}]`
}

/** The more specific one first, of those with the same host or with wildcards. */
export function bySpecificity(a: UrlPattern, b: UrlPattern): number {
  return (b.wildcard?.literals ?? 0) - (a.wildcard?.literals ?? 0) || weight(b) - weight(a)
}

function weight({ scheme, port }: UrlPattern): number {
  return (scheme === null ? 0 : 2) + (port === null ? 0 : 1)
}

/** In Punycode a `*` is not where it was. */
function isMangled(host: string): boolean {
  return host.split('.').some((label) => label.startsWith('xn--') && label.includes('*'))
}

/**
 * A host with `*`, each for one or more characters, dots too. One at the start, with no dot behind
 * it, stands for subdomains or nothing: `*a.test` is `a.test` and `b.a.test`, but not `ba.test`.
 */
class Wildcard {
  /** How many characters it names: the more, the more specific. */
  readonly literals: number
  readonly #forms: readonly (readonly string[])[]

  /** `pattern` as `normalizeHost` gives it. */
  constructor(pattern: string) {
    const isDomain = /^\*[^.*]/.test(pattern)
    const forms = isDomain ? [pattern.slice(1), `*.${pattern.slice(1)}`] : [pattern]
    this.#forms = forms.map((form) => form.split('*'))
    this.literals = pattern.replaceAll('*', '').length
  }

  matches(host: string): boolean {
    return this.#forms.some((pieces) => fits(host, pieces))
  }
}

/** Each piece where it first can be: a later place would leave less for those behind it. */
function fits(host: string, [first = '', ...others]: readonly string[]): boolean {
  const last = others.pop()
  if (last === undefined) return host === first
  if (!host.startsWith(first) || !host.endsWith(last)) return false
  let from = first.length
  for (const piece of others) {
    const at = host.indexOf(piece, from + 1)
    if (at < 0) return false
    from = at + piece.length
  }
  return from < host.length - last.length
}
