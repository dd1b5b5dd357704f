import { HTTPProxy } from '../../models/proxy.ts'
import { isUrl } from '../../models/url.ts'
import { isPlainObject, kindOf } from '../../models/value-kind.ts'
import { UrlMap } from '../url-map.ts'
import { describeKey } from '../url-pattern.ts'

/**
 * The option `proxies`: one proxy for all URLs, or an object from URL patterns (see `UrlMap`) to
 * proxies. Null means a direct connection.
 */
export type ProxiesInit = ProxyInit | Readonly<Record<string, ProxyInit | undefined>>

type ProxyInit = string | URL | HTTPProxy | null

/**
 * Builds the map of proxies by URL. Its values null and undefined mean a direct connection.
 *
 * @param adopt returns the proxy to use in place of the given one
 * @throws TypeError if a key is not a pattern or a value is not a proxy; also what the constructor
 *   of `HTTPProxy` and `adopt` throw
 */
export function proxyMap(
  given: ProxiesInit,
  adopt: (proxy: HTTPProxy) => HTTPProxy = (proxy) => proxy,
): UrlMap<HTTPProxy | null> {
  const make = proxyMaker(adopt)
  const toProxy = (name: string, choice: unknown) => {
    if (choice === null || choice === undefined) return choice
    if (typeof choice === 'string' || isUrl(choice) || choice instanceof HTTPProxy) {
      return make(choice)
    }
    throw new TypeError(`${name} must be null, a URL or an HTTPProxy, not ${kindOf(choice)}`)
  }
  if (!isPlainObject(given)) return new UrlMap('proxies', { all: toProxy('proxies', given) })
  const entries = Object.entries(given).map(
    ([key, choice]) => [key, toProxy(describeKey('proxies', key), choice)] as const,
  )
  return new UrlMap('proxies', Object.fromEntries(entries))
}

/** Returns the same proxy for the same URL or proxy, so that its connections are shared. */
export function proxyMaker(
  adopt: (proxy: HTTPProxy) => HTTPProxy = (proxy) => proxy,
): (given: string | URL | HTTPProxy) => HTTPProxy {
  const made = new Map<string | HTTPProxy, HTTPProxy>()
  return (given) => {
    const key = isUrl(given) || typeof given === 'string' ? String(given) : given
    const proxy = made.get(key) ?? adopt(typeof key === 'string' ? new HTTPProxy(key) : key)
    made.set(key, proxy)
    return proxy
  }
}
