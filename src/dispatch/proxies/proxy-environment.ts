import { ProxyError } from '../../errors.ts'
import type { Environment } from '../../models/environment.ts'
import {
  environmentNames,
  environmentVariable,
  hasEnvironmentVariable,
} from '../../models/environment.ts'
import type { HTTPProxy } from '../../models/proxy.ts'
import { FORBIDDEN_IN_URL, parseUrlOrNull } from '../../models/url.ts'
import type { UrlLookup } from '../url-map.ts'
import { NoProxy } from './no-proxy.ts'
import { proxyMaker } from './proxy-map.ts'

/** A proxy variable that is set, with its name as found. */
interface Setting {
  readonly variable: string
  readonly value: string
}

/**
 * Reads the proxy for each URL from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or the same
 * names in lower case, which take precedence. The variables are read once, now. Returns null if no
 * variable names a proxy. `lookup` returns null or undefined for a direct connection, and throws
 * `ProxyError` if a variable is not the URL of a proxy: connecting directly instead would expose to
 * the network what was meant for the proxy.
 */
export function environmentProxies(env?: Environment): UrlLookup<HTTPProxy | null> | null {
  const all = readSetting(env, 'ALL_PROXY')
  const http = readHttpSetting(env) ?? all
  const https = readSetting(env, 'HTTPS_PROXY') ?? all
  if (http === null && https === null) return null
  const make = proxyMaker()
  const noProxy = new NoProxy(readSetting(env, 'NO_PROXY')?.value ?? '')
  const httpProxy = lazy(() => http && makeProxy(http, make))
  const httpsProxy = lazy(() => https && makeProxy(https, make))
  return {
    lookup(url) {
      if (noProxy.matches(url)) return null
      return url.protocol === 'https:' ? httpsProxy() : httpProxy()
    },
  }
}

function readSetting(env: Environment | undefined, name: string): Setting | null {
  return readVariable(env, name.toLowerCase()) ?? readVariable(env, name)
}

function readVariable(env: Environment | undefined, name: string): Setting | null {
  const value = environmentVariable(name, env)?.trim()
  return value ? { variable: name, value } : null
}

/**
 * Reads HTTP_PROXY. In a CGI program, HTTP_PROXY is the header field `Proxy` of the request
 * (CVE-2016-5385), so only `http_proxy` counts. Windows ignores the case of names when it looks one
 * up, hence the exact comparison.
 */
function readHttpSetting(env: Environment | undefined): Setting | null {
  if (!hasEnvironmentVariable('REQUEST_METHOD', env)) return readSetting(env, 'HTTP_PROXY')
  return environmentNames(env).includes('http_proxy') ? readVariable(env, 'http_proxy') : null
}

function makeProxy({ variable, value }: Setting, make: (url: string) => HTTPProxy): HTTPProxy {
  const url = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  // The message omits the value, and the parser's error is not the `cause`: both can hold a
  // password.
  if (FORBIDDEN_IN_URL.test(url) || parseUrlOrNull(url) === null) {
    throw new ProxyError(`${variable}: invalid proxy URL`, { phase: 'proxy' })
  }
  try {
    return make(url)
  } catch (cause) {
    const { message } = cause as Error
    throw new ProxyError(`${variable}: ${message}`, { phase: 'proxy', cause })
  }
}

function lazy<Result>(make: () => Result): () => Result {
  let result: Result | undefined
  return () => (result ??= make())
}
