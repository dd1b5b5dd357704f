import { hostOf, normalizeHost, portOf, withoutFinalDots } from '../host.ts'
import type { Address, AddressRange } from './address-range.ts'
import { isInRange, parseAddress } from './address-range.ts'

interface Entry {
  /** Null matches every host. */
  readonly host: string | AddressRange | null
  /** Null matches every port. */
  readonly port: number | null
}

/** A name or an address, optionally followed by a prefix length or a port. */
const ENTRY = /^(\[[\da-f:.]+\]|[^[\]:]+?)(?:\/(\d{1,3})|:(\d{1,5}))?$/i
/** An IPv6 address without brackets, which cannot have a port. */
const BARE_IPV6 = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i

/**
 * The hosts listed in NO_PROXY, by curl's rules, and with the wildcards of other programs. Entries
 * are separated by commas or white space. A name also matches its subdomains, with or without a
 * leading `.` or `*.`; `*` matches every host. An address can be a range (`10.0.0.0/8`). Names,
 * addresses and `*` can have a port. Names do not match addresses, and addresses do not match
 * names: nothing is resolved. Invalid entries match nothing.
 */
export class NoProxy {
  readonly #entries: readonly Entry[]

  constructor(value: string) {
    this.#entries = value.split(/[\s,]+/).flatMap((text) => parseEntry(text) ?? [])
  }

  matches(url: URL): boolean {
    if (this.#entries.length === 0) return false
    const name = hostOf(url)
    const address = parseAddress(name)
    const port = portOf(url)
    return this.#entries.some(
      (entry) => (entry.port ?? port) === port && matchesHost(name, address, entry.host),
    )
  }
}

function matchesHost(name: string, address: Address | null, entry: Entry['host']): boolean {
  if (entry === null) return true
  if (typeof entry !== 'string') return address !== null && isInRange(address, entry)
  if (!name.endsWith(entry)) return false
  return name.length === entry.length || name[name.length - entry.length - 1] === '.'
}

function parseEntry(text: string): Entry | null {
  const isBareIPv6 = !text.startsWith('[') && text.indexOf(':') !== text.lastIndexOf(':')
  const [, given = '', prefix, port] = (isBareIPv6 ? BARE_IPV6 : ENTRY).exec(text) ?? []
  const portNumber = port === undefined ? null : Number(port)
  if (given === '*' && prefix === undefined) return { host: null, port: portNumber }
  const host = isBareIPv6 ? `[${given}]` : withoutFinalDots(given.replace(/^\*?\./, ''))
  const parsed = parseHost(host, prefix)
  return parsed === null ? null : { host: parsed, port: portNumber }
}

function parseHost(host: string, prefix: string | undefined): string | AddressRange | null {
  const name = normalizeHost(host)
  const address = name === null ? null : parseAddress(name)
  if (address === null) return prefix === undefined ? name : null
  const isIPv6 = host.startsWith('[')
  // Programs disagree about other notations: `010.0.0.1` is 8.0.0.1 or 10.0.0.1, `10` is 0.0.0.10.
  if (!isIPv6 && host !== name) return null
  const { bits } = address
  const mappedBits = isIPv6 ? 128 - bits : 0
  const length = prefix === undefined ? bits : Number(prefix) - mappedBits
  return length >= 0 && length <= bits ? { ...address, prefix: length } : null
}
