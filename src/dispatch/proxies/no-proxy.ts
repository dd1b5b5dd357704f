import { hostOf, normalizeHost, portOf, withoutFinalDots } from '../host.ts'
import type { Address, AddressRange } from './address-range.ts'
import { isInRange, parseAddress } from './address-range.ts'

interface Entry {
  readonly host: string | AddressRange
  /** Null for every port. */
  readonly port: number | null
}

/** A name or address, then the length of a prefix, or a port. */
const ENTRY = /^(\[[\da-f:.]+\]|[^[\]:]+?)(?:\/(\d{1,3})|:(\d{1,5}))?$/i
/** No port could be told from it. */
const BARE_IPV6 = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i

/**
 * The hosts that NO_PROXY names, by curl's rules: separated by commas or blanks. A name, with or
 * without a leading dot, is for its subdomains too; `*` alone is every host. An address may be a
 * range (`10.0.0.0/8`), and both may have a port. No name stands for an address, nor the other way
 * round. An entry that makes no sense matches nothing.
 */
export class NoProxy {
  readonly #all: boolean
  readonly #entries: readonly Entry[]

  constructor(value: string) {
    this.#all = value.trim() === '*'
    this.#entries = value.split(/[\s,]+/).flatMap((text) => parseEntry(text) ?? [])
  }

  matches(url: URL): boolean {
    if (this.#all || this.#entries.length === 0) return this.#all
    const name = hostOf(url)
    const address = parseAddress(name)
    const port = portOf(url)
    return this.#entries.some(
      (entry) => (entry.port ?? port) === port && isNamed(name, address, entry.host),
    )
  }
}

function isNamed(name: string, address: Address | null, by: string | AddressRange): boolean {
  if (typeof by !== 'string') return address !== null && isInRange(address, by)
  if (!name.endsWith(by)) return false
  return name.length === by.length || name[name.length - by.length - 1] === '.'
}

function parseEntry(text: string): Entry | null {
  const isBareIPv6 = !text.startsWith('[') && text.indexOf(':') !== text.lastIndexOf(':')
  const [, given = '', prefix, port] = (isBareIPv6 ? BARE_IPV6 : ENTRY).exec(text) ?? []
  const host = isBareIPv6 ? `[${given}]` : withoutFinalDots(given.replace(/^\./, ''))
  const named = nameOrRange(host, prefix)
  return named === null ? null : { host: named, port: port === undefined ? null : Number(port) }
}

function nameOrRange(host: string, prefix: string | undefined): string | AddressRange | null {
  const name = normalizeHost(host)
  const address = name === null ? null : parseAddress(name)
  if (address === null) return prefix === undefined ? name : null
  const isIPv6 = host.startsWith('[')
  // `010.0.0.1` is 8.0.0.1 to some and 10.0.0.1 to others, `10` is 0.0.0.10 to few.
  if (!isIPv6 && host !== name) return null
  const { bits } = address
  const outside = isIPv6 ? 128 - bits : 0
  const length = prefix === undefined ? bits : Number(prefix) - outside
  return length >= 0 && length <= bits ? { ...address, prefix: length } : null
}
