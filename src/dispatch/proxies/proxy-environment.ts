import { ProxyError } from '../../errors.ts'
import type { Environment } from '../../models/options.ts'
import { environmentVariable } from '../../models/options.ts'
import { FORBIDDEN_IN_URL, parseUrlOrNull } from '../../models/url.ts'
import type { UrlLookup } from '../url-map.ts'
import { UrlMap } from '../url-map.ts'
import { NoProxy } from './no-proxy.ts'
import type { ProxyClass } from './proxy-map.ts'
import { proxyMaker } from './proxy-map.ts'

interface Setting {
  readonly variable: string
  readonly value: string
}

/**
 * By which proxy a URL goes, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say now, or the same
 * in lower case; null or undefined is direct. Its `lookup` throws `ProxyError` for a variable that
 * is no proxy's URL: to go direct would tell the network what was meant for the proxy.
 */
export function environmentProxies<Proxy extends object>(
  env: Environment,
  Type: ProxyClass<Proxy>,
): UrlLookup<Proxy | null> {
  const all = setting(env, 'ALL_PROXY')
  const http = httpSetting(env) ?? all
  const https = setting(env, 'HTTPS_PROXY') ?? all
  if (http === null && https === null) return new UrlMap<Proxy>('proxies', {})
  const make = proxyMaker(Type)
  const noProxy = new NoProxy(setting(env, 'NO_PROXY')?.value ?? '')
  const httpProxy = once(() => http && proxyOf(http, make))
  const httpsProxy = once(() => https && proxyOf(https, make))
  return {
    lookup(url) {
      if (noProxy.matches(url)) return null
      return url.protocol === 'https:' ? httpsProxy() : httpProxy()
    },
  }
}

function setting(env: Environment, name: string): Setting | null {
  return settingOf(env, name.toLowerCase()) ?? settingOf(env, name)
}

function settingOf(env: Environment, name: string): Setting | null {
  const value = environmentVariable(env, name)?.trim()
  return value ? { variable: name, value } : null
}

/**
 * In a CGI, HTTP_PROXY is what a request had in its field `Proxy` (CVE-2016-5385). Windows would
 * give it under the other name, too, so that name has to be there as it is.
 */
function httpSetting(env: Environment): Setting | null {
  if (!Object.hasOwn(env, 'REQUEST_METHOD')) return setting(env, 'HTTP_PROXY')
  return Object.keys(env).includes('http_proxy') ? settingOf(env, 'http_proxy') : null
}

function proxyOf<Proxy>({ variable, value }: Setting, make: (url: string) => Proxy): Proxy {
  const url = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  // The value is in no message, and its parser's error in no `cause`: a password may be in them.
  if (FORBIDDEN_IN_URL.test(url) || parseUrlOrNull(url) === null) {
    throw new ProxyError(`${variable} is not the URL of a proxy`, { phase: 'proxy' })
  }
  try {
    return make(url)
  } catch (cause) {
    const { message } = cause as Error
    throw new ProxyError(`${variable} is not the URL of a proxy: ${message}`, {
      phase: 'proxy',
      cause,
    })
  }
}

function once<Result>(make: () => Result): () => Result {
  let result: Result | undefined
  return () => (result ??= make())
}
