import { isPlainObject, kindOf } from '../../models/value-kind.ts'
import { UrlMap } from '../url-map.ts'
import { keyName } from '../url-pattern.ts'

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
 * or no proxy, and what `Type` and `adopt` throw.
 *
 * @param adopt makes of each proxy what is used in its place
 */
export function proxyMap<Proxy extends object>(
  given: ProxiesInit<Proxy>,
  Type: ProxyClass<Proxy>,
  adopt: (proxy: Proxy) => Proxy = (proxy) => proxy,
): UrlMap<Proxy | null> {
  const make = proxyMaker(Type, adopt)
  const toProxy = (name: string, choice: unknown) => {
    if (choice === null || choice === undefined) return choice
    if (typeof choice === 'string' || choice instanceof URL || choice instanceof Type) {
      return make(choice)
    }
    throw new TypeError(`${name} must be null, a URL or an HTTPProxy, not ${kindOf(choice)}`)
  }
  if (!isPlainObject(given)) return new UrlMap('proxies', { all: toProxy('proxies', given) })
  const entries: Record<string, Proxy | null | undefined> = Object.create(null)
  for (const [key, choice] of Object.entries(given)) {
    entries[key] = toProxy(keyName('proxies', key), choice)
  }
  return new UrlMap('proxies', entries)
}

/** One proxy for each URL and for each that was given, so that its connections are shared. */
export function proxyMaker<Proxy extends object>(
  Type: ProxyClass<Proxy>,
  adopt: (proxy: Proxy) => Proxy = (proxy) => proxy,
): (given: string | URL | Proxy) => Proxy {
  const made = new Map<string | Proxy, Proxy>()
  return (given) => {
    const key = given instanceof URL || typeof given === 'string' ? String(given) : given
    const proxy = made.get(key) ?? adopt(typeof key === 'string' ? new Type(key) : key)
    made.set(key, proxy)
    return proxy
  }
}
