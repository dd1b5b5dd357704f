import { inspect } from 'node:util'
import { checkOptions, option } from '../../models/options.ts'

/** The cookies to look up, or the domain and path for which to set one. */
export interface CookieScope {
  /**
   * The domain. A lookup finds cookies of exactly this domain, not of its parents or subdomains.
   */
  readonly domain?: string | null | undefined
  /** The path, which begins with `/`. A lookup finds cookies of exactly this path. */
  readonly path?: string | null | undefined
}

/** A checked scope. Null means any domain or path in a lookup, and none when a cookie is set. */
export interface CheckedScope {
  readonly domain: string | null
  readonly path: string | null
}

export const ANY_SCOPE: CheckedScope = { domain: null, path: null }

/** Checks a scope. Throws `TypeError` for an invalid domain or path, and for an unknown key. */
export function checkScope(scope: CookieScope): CheckedScope {
  checkOptions('cookie scope', scope, ['domain', 'path'])
  const domain = option(scope, 'domain', null)
  const path = option(scope, 'path', null)
  if (path !== null && !isPath(path)) {
    throw new TypeError(`Cookie path must begin with "/" and not contain ";", not ${show(path)}`)
  }
  return { domain: domain === null ? null : canonicalDomain(domain), path }
}

/** A URL for which every cookie of `domain` can be set. */
export function urlForDomain(domain: string): URL {
  return new URL(`https://${domain.includes(':') ? `[${domain}]` : domain}/`)
}

function isPath(path: unknown): boolean {
  return typeof path === 'string' && /^\/[\x20-\x3a\x3c-\x7e\x80-\xff]*$/.test(path)
}

/**
 * The domain as cookie jars store it: in lower case, IDNA-encoded, without leading dot or brackets.
 */
function canonicalDomain(domain: unknown): string {
  try {
    if (typeof domain === 'string') {
      const url = urlForDomain(domain.replace(/^[.[]|\]$/g, ''))
      if (url.href === `https://${url.hostname}/`) return url.hostname.replace(/^\[|\]$/g, '')
    }
  } catch {} // The error below covers this case.
  throw new TypeError(`Cookie domain must be a host name or an IP address, not ${show(domain)}`)
}

function show(value: unknown): string {
  return inspect(typeof value === 'string' ? value.slice(0, 80) : value, { depth: 0 })
}
