/** An IP address as a number. */
export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** The addresses that begin with the same `prefix` bits. RFC 4632 */
export interface AddressRange extends Address {
  readonly prefix: number
}

/** The first 96 bits of an IPv4-mapped IPv6 address. RFC 4291 2.5.5.2 */
const IPV4_MAPPED_PREFIX = 0xffffn

/**
 * Parses a host in the notation of the WHATWG URL parser. Returns null for a name. An IPv4-mapped
 * IPv6 address becomes the IPv4 address, because both lead to the same machine.
 */
export function parseAddress(host: string): Address | null {
  if (!host.startsWith('[')) return parseIPv4(host)
  const value = parseIPv6(host.slice(1, -1))
  const isMapped = value >> 32n === IPV4_MAPPED_PREFIX
  return isMapped ? { bits: 32, value: BigInt.asUintN(32, value) } : { bits: 128, value }
}

export function isInRange(address: Address, { bits, value, prefix }: AddressRange): boolean {
  return address.bits === bits && (address.value ^ value) >> BigInt(bits - prefix) === 0n
}

function parseIPv4(host: string): Address | null {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) return null
  const value = host.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return { bits: 32, value }
}

function parseIPv6(text: string): bigint {
  const [head, tail] = text.split('::').map((half) => half.split(':').filter(Boolean))
  const gap = tail ? new Array<string>(8 - head!.length - tail.length).fill('0') : []
  const groups = [...head!, ...gap, ...(tail ?? [])]
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}
