import { BlockList } from 'node:net'
import { inspect } from 'node:util'
import { checkFlag, checkOptions, option } from '../models/options.ts'
import type { ConnectFacts } from '../models/route.ts'
import { dotted, normalAddress } from './address.ts'

/** The options of `publicAddressesOnly`. */
export interface PublicAddressesOptions {
  /**
   * Addresses and ranges that are permitted although they are not public, such as `10.1.2.3`,
   * `10.0.0.0/8` and `fd00::/8`. Default: none.
   */
  readonly allow?: readonly string[] | undefined
  /**
   * Whether proxies are permitted. A proxy connects to the target itself, so the addresses of the
   * targets are not checked; nor is that of the proxy. Default false: with a proxy, the constructor
   * of the client or pool throws `TypeError`.
   */
  readonly allowProxy?: boolean | undefined
}

/**
 * IPv4 addresses that are not public: the special-purpose registry of IANA, without its globally
 * reachable anycast addresses (RFC 7534, 7535, 7450), and multicast. RFC 6890, RFC 5771
 */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by a provider's customers
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // metadata of Azure, a public address
  '169.254.0.0/16', // link-local, and metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments, and metadata of Oracle's cloud
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // former 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
]

/**
 * IPv6 addresses outside of 2000::/3 are loopback, unspecified, link-local, unique-local (also
 * metadata of clouds), multicast, or not assigned. RFC 4291 2.4
 */
const GLOBAL_IPV6 = ['2000::/3']

/** IPv6 addresses in 2000::/3 that are not public: the special-purpose registry of IANA. */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments, such as Teredo, which contains IPv4 addresses
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which contains IPv4 addresses
  '3fff::/20', // documentation
]

/** NAT64 leads to the IPv4 address in the last 32 bits. RFC 6052 2.1 */
const NAT64 = /^64:ff9b::(?:([\da-f]{1,4}):)?([\da-f]{1,4})$/

// Created when they are first needed.
let specialRanges: BlockList | null = null
let globalRanges: BlockList | null = null
const withoutProxy = new WeakSet<object>()

/**
 * Returns a function for the option `onConnect` that refuses every address that is not public:
 * loopback, private, link-local, unique-local, multicast and reserved addresses, and those at which
 * clouds serve metadata. It is called for each connection, those of redirects included.
 *
 * Throws `TypeError` for an invalid option.
 */
export function publicAddressesOnly(
  options: PublicAddressesOptions = {},
): (facts: ConnectFacts) => void {
  checkOptions('publicAddressesOnly', options, ['allow', 'allowProxy'])
  const allowed = allowedAddresses(option(options, 'allow', []))
  const allowProxy = checkFlag(
    'publicAddressesOnly.allowProxy',
    option(options, 'allowProxy', false),
  )
  const onConnect = ({ address, host, through }: ConnectFacts): void => {
    if (through === 'proxy') {
      if (allowProxy) return
      throw new Error('a proxy would connect to addresses that are not checked')
    }
    if (isPublic(address) || isListed(allowed, address)) return
    throw new Error(host === address ? 'not a public address' : `${address} is not public`)
  }
  if (!allowProxy) withoutProxy.add(onConnect)
  return onConnect
}

/** Throws `TypeError` for an `onConnect` of `publicAddressesOnly` that does not permit proxies. */
export function checkProxyAllowed(onConnect: object | null | undefined): void {
  if (!onConnect || !withoutProxy.has(onConnect)) return
  throw new TypeError(
    'publicAddressesOnly() cannot check addresses that a proxy connects to: use no proxy (trustEnv: false), or allowProxy: true',
  )
}

function isPublic(given: string): boolean {
  const normal = normalAddress(given)
  if (normal === null) return false
  const { address, family } = normal
  specialRanges ??= blockListOf([...SPECIAL_IPV4, ...SPECIAL_IPV6])
  if (family === 4) return !isListed(specialRanges, address)
  const nat64 = NAT64.exec(address)
  if (nat64 !== null) return isPublic(dotted(nat64[1] ?? '0', `${nat64[2]}`))
  globalRanges ??= blockListOf(GLOBAL_IPV6)
  return isListed(globalRanges, address) && !isListed(specialRanges, address)
}

function isListed(list: BlockList, given: string): boolean {
  const normal = normalAddress(given)
  if (normal === null) return false
  const address = normal.address.replace(/%.*$/, '')
  return list.check(address, normal.family === 4 ? 'ipv4' : 'ipv6')
}

function allowedAddresses(allow: unknown): BlockList {
  if (Array.isArray(allow) && allow.every((entry) => typeof entry === 'string')) {
    return blockListOf(allow)
  }
  throw new TypeError(
    'publicAddressesOnly.allow must be an array of addresses and ranges, such as 10.0.0.0/8',
  )
}

/** Throws `TypeError` for an entry that is neither an address nor a range. */
function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [text = '', given, ...excess] = entry.split('/')
    const normal = text.includes('%') ? null : normalAddress(text)
    // A range of IPv4 addresses in IPv6 addresses is one of IPv4 addresses.
    const mappedBits = normal?.family === 4 && text.includes(':') ? 96 : 0
    const bits = normal?.family === 4 ? 32 : 128
    const prefix = given === undefined ? bits : prefixOf(given) - mappedBits
    if (normal === null || excess.length > 0 || !(prefix >= 0 && prefix <= bits)) {
      throw new TypeError(
        `publicAddressesOnly.allow: ${inspect(entry)} is not an address or a range such as 10.0.0.0/8`,
      )
    }
    list.addSubnet(normal.address, prefix, normal.family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

function prefixOf(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
}
