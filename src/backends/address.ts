import { isIP } from 'node:net'
import { inspect } from 'node:util'
import type { Address } from './backend.ts'

/** An IPv4 address in an IPv6 address, in the notation of the URL parser. RFC 4291 2.5.5.2 */
const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

/**
 * Returns an IP address in its only normal form, in which addresses can be compared: dotted decimal
 * for IPv4, also for an IPv4 address in an IPv6 address, and the notation of RFC 5952 for IPv6. A
 * zone (`%eth0`) is kept. Null for anything else, such as `0177.0.0.1` or a name, which the
 * operating system could take for another address.
 */
export function normalAddress(given: unknown): Address | null {
  if (typeof given !== 'string') return null
  const [address = '', zone, ...excess] = given.split('%')
  if (excess.length > 0 || (zone !== undefined && !/^[\w.~-]+$/.test(zone))) return null
  const version = isIP(address)
  if (version === 4) return isDecimal(address) && zone === undefined ? ipv4(address) : null
  if (version !== 6) return null
  const normal = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = MAPPED.exec(normal)
  if (mapped !== null) return ipv4(dotted(`${mapped[1]}`, `${mapped[2]}`))
  return { address: zone === undefined ? normal : `${normal}%${zone}`, family: 6 }
}

/**
 * Returns the addresses that a lookup found, in their normal form. Returns an error if there are
 * none, or if one is not an IP address: a name would be resolved again, without `onConnect`.
 */
export function normalAddresses(
  host: string,
  found: readonly { readonly address: unknown }[],
): Address[] | Error {
  const addresses: Address[] = []
  for (const { address: given } of found) {
    const address = normalAddress(given)
    if (address === null) {
      return new TypeError(`lookup returned ${inspect(given)}, which is not an IP address`)
    }
    addresses.push(address)
  }
  return addresses.length > 0 ? addresses : new Error(`${host} has no address`)
}

/** Whether no part has a leading zero, which some resolvers take for octal. */
function isDecimal(address: string): boolean {
  return address.split('.').every((part) => String(Number(part)) === part)
}

function ipv4(address: string): Address {
  return { address, family: 4 }
}

/** Returns 32 bits, as two groups of an IPv6 address, as an IPv4 address. */
export function dotted(high: string, low: string): string {
  const groups = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return groups.flatMap((group) => [group >> 8, group & 255]).join('.')
}
