import { inspect } from 'node:util'
import { checkOptions, option } from '../../models/options.ts'

/** Which cookies, or where one is set. */
export interface CookieScope {
  /** When looking, that very domain: not those above or below it. */
  readonly domain?: string | null | undefined
  /** When looking, that very path. Begins with `/`. */
  readonly path?: string | null | undefined
}

/** A scope that was checked; null is any when looking, and none when setting. */
export interface Scope {
  readonly domain: string | null
  readonly path: string | null
}

export const ANYWHERE: Scope = { domain: null, path: null }

/** Throws `TypeError` for a domain or path that cannot be, and for any other key. */
export function readScope(scope: CookieScope): Scope {
  checkOptions('cookie scope', scope, ['domain', 'path'])
  const domain = option(scope, 'domain', null)
  const path = option(scope, 'path', null)
  if (path !== null && !isPath(path)) {
    throw new TypeError(`A cookie's path must begin with "/" and have no ";", not ${show(path)}`)
  }
  return { domain: domain === null ? null : canonicalDomain(domain), path }
}

/** A URL at which any cookie of `domain` can be set. */
export function urlOf(domain: string): URL {
  return new URL(`https://${domain.includes(':') ? `[${domain}]` : domain}/`)
}

function isPath(path: unknown): boolean {
  return typeof path === 'string' && /^\/[\x20-\x3a\x3c-\x7e\x80-\xff]*$/.test(path)
}

/** As jars write it: lower case, IDNA, without a leading dot or brackets. */
function canonicalDomain(domain: unknown): string {
  try {
    if (typeof domain === 'string') {
      const url = urlOf(domain.replace(/^[.[]|\]$/g, ''))
      if (url.href === `https://${url.hostname}/`) return url.hostname.replace(/^\[|\]$/g, '')
    }
  } catch {} // Said below.
  throw new TypeError(`A cookie's domain must be a host's name or address, not ${show(domain)}`)
}

function show(value: unknown): string {
  return inspect(typeof value === 'string' ? value.slice(0, 80) : value, { depth: 0 })
}
