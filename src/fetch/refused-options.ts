/**
 * Options that `fetch` cannot honour, and must not ignore: they determine where a request is sent, or
 * how the server is verified. Ignoring one would send the request without the proxy, or trust
 * another server.
 */

/** Options of other runtimes, and what to use instead. */
const OTHER_RUNTIMES = {
  proxy: 'createFetch({ proxies })', // Bun
  unix: 'createFetch({ uds })', // Bun
  tls: 'createFetch({ verify, cert })', // Bun
  client: 'createFetch({ proxies, verify, cert })', // Deno
}
/** Options of `createFetch` that a single call cannot have. */
const CREATE_FETCH = [
  ...['maxRedirects', 'maxResponseSize', 'proxies', 'verify', 'cert', 'trustEnv', 'uds'],
  ...['backend', 'poolLimits', 'lookup', 'localAddress', 'onConnect', 'trace'],
]
/** Maps each option to what to use instead. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ...Object.entries(OTHER_RUNTIMES),
  ...CREATE_FETCH.map((name): [string, string] => [name, `createFetch({ ${name} })`]),
])

/**
 * Throws `TypeError` if `init` has an option that must not be ignored.
 *
 * @param read returns an option
 */
export function refuseOptions<Init extends object>(
  init: Init,
  read: (init: Init, name: string) => unknown,
): void {
  for (const name in init) {
    const refused = REFUSED.get(name)
    if (refused === undefined && name !== 'agent') continue
    const value = read(init, name)
    if (value === undefined || value === null) continue
    if (refused === undefined) refuseProxyAgent(value)
    else throw new TypeError(`fetch does not support the option ${name}; use ${refused}`)
  }
}

/**
 * Throws for an agent of node-fetch that opens connections in its own way, such as through a proxy.
 * Other agents are ignored, as in Node.js: many libraries always pass one, to keep connections open.
 */
function refuseProxyAgent(agent: unknown): void {
  const { connect, proxy } = agent as { connect?: unknown; proxy?: unknown }
  if (typeof agent !== 'function' && typeof connect !== 'function' && !proxy) return
  throw new TypeError('fetch does not support the option agent; use createFetch({ proxies })')
}
