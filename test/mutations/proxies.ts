import type { Mutation } from './mutation.ts'

/** Hazards 9 to 11 and 34: proxies and NO_PROXY. */
export const proxies: readonly Mutation[] = [
  {
    marks: '9',
    mistake: 'the connect timeout does not include the CONNECT request',
    file: 'src/connection/dial.ts',
    find: '    if (this.#peer === this.#origin) this.#succeed(socket, null)',
    replace:
      '    this.#deadline.cancel()\n    if (this.#peer === this.#origin) this.#succeed(socket, null)',
    tests: ['connection/tunnel'],
  },
  {
    marks: '9',
    mistake: 'a tunnel that the proxy refuses keeps its slot in the pool',
    file: 'src/pool/lease.ts',
    find: "    this.#release(null, 'dial-failed')\n",
    replace: '',
    tests: ['connection/tunnel'],
  },
  {
    marks: '9',
    mistake: "CONNECT has the proxy's address in Host",
    file: 'src/connection/connect-tunnel.ts',
    find: "'none').text)",
    replace: "'none').text.replace(/Host: .*/, 'Host: ' + proxy.origin.authority))",
    tests: ['connection/tunnel'],
  },
  {
    marks: '9',
    mistake: 'CONNECT is sent again after a 407',
    file: 'src/connection/connect-tunnel.ts',
    find: '    this.#refusal = head\n',
    replace:
      "    this.#refusal = head\n    this.socket.write(requestHead('CONNECT', this.authority, '', [], 'none').text)\n",
    tests: ['hazards/connect'],
  },
  {
    marks: '10',
    mistake: 'each request through a proxy creates a new pool',
    file: 'src/dispatch/router.ts',
    find: '    senders.set(proxy, sender)\n',
    replace: '',
    tests: ['client/proxies'],
  },
  {
    marks: '10',
    mistake: 'a tunnel is closed after one request',
    file: 'src/pool/scheduler.ts',
    find: "    if (decision === 'yield') return connection.close('place-needed')",
    replace:
      "    if (decision === 'yield' || group.proxyRules) return connection.close('place-needed')",
    tests: ['engine/proxies'],
  },
  {
    marks: '11',
    mistake: 'an invalid entry of NO_PROXY throws',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: '  return parsed === null ? null : {',
    replace:
      "  if (parsed === null && text !== '') throw new Error(text)\n  return parsed === null ? null : {",
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'an address range in NO_PROXY matches only one address',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: 'prefix === undefined ? bits : Number(prefix) - mappedBits',
    replace: 'bits',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'a NO_PROXY entry matches hosts that only end in the same letters',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: "name.length === entry.length || name[name.length - entry.length - 1] === '.'",
    replace: 'true',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'the port of a NO_PROXY entry is ignored',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: '(entry.port ?? port) === port &&',
    replace: 'port > 0 && (entry.port ?? port) > 0 &&',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'an IPv6 address without brackets is parsed as a host with a port',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: "!text.startsWith('[') && text.indexOf(':') !== text.lastIndexOf(':')",
    replace: 'text.length < 0',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '34',
    mistake: 'a host name with a final dot is treated as another host',
    file: 'src/dispatch/host.ts',
    find: '  return withoutFinalDots(url.hostname)',
    replace: '  return url.hostname',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '34',
    mistake: 'an IPv4-mapped IPv6 address is treated as another address',
    file: 'src/dispatch/proxies/address-range.ts',
    find: 'value >> 32n === IPV4_MAPPED_PREFIX',
    replace: 'value === IPV4_MAPPED_PREFIX',
    tests: ['dispatch/no-proxy'],
  },
]
