import { isPlain } from '../models/plain-object.ts'
import { UrlMap } from './url-map.ts'
import { keyName } from './url-pattern.ts'

/** `HTTPProxy`. */
export type ProxyClass<Proxy> = new (url: string | URL) => Proxy

/**
 * The option `proxies`: one proxy for all URLs, or one for each pattern (`UrlMap` has the patterns).
 * Null is direct.
 */
export type ProxiesInit<Proxy> =
  | ProxyInit<Proxy>
  | Readonly<Record<string, ProxyInit<Proxy> | undefined>>

type ProxyInit<Proxy> = string | URL | Proxy | null

/**
 * By which proxy a URL goes; null or undefined is direct. Throws `TypeError` for what is no pattern
 * or no proxy, and what `Type` throws.
 */
export function proxyMap<Proxy extends object>(
  given: ProxiesInit<Proxy>,
  Type: ProxyClass<Proxy>,
): UrlMap<Proxy | null> {
  const make = proxyMaker(Type)
  const toProxy = (name: string, choice: unknown) => {
    if (choice === null || choice === undefined || choice instanceof Type) return choice
    if (typeof choice === 'string' || choice instanceof URL) return make(choice)
    throw new TypeError(`${name} must be null, a URL or an HTTPProxy, not ${kindOf(choice)}`)
  }
  if (!isPlain(given)) return new UrlMap('proxies', { all: toProxy('proxies', given) })
  const entries: Record<string, Proxy | null | undefined> = Object.create(null)
  for (const [key, choice] of Object.entries(given)) {
    entries[key] = toProxy(keyName('proxies', key), choice)
  }
  return new UrlMap('proxies', entries)
}

/** Makes one proxy for each URL, so that its connections are shared. */
export function proxyMaker<Proxy>(Type: ProxyClass<Proxy>): (url: string | URL) => Proxy {
  const made = new Map<string, Proxy>()
  return (url) => {
    const known = made.get(String(url)) ?? new Type(url)
    made.set(String(url), known)
    return known
  }
}

/** An object may have secrets. */
function kindOf(value: unknown): string {
  const isPrimitive = typeof value !== 'object' && typeof value !== 'function'
  return isPrimitive ? String(value) : Object.prototype.toString.call(value)
}
