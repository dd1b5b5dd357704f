import { hostOf, portOf } from './host.ts'
import type { UrlPattern } from './url-pattern.ts'
import { bySpecificity, keyName, parsePattern } from './url-pattern.ts'

/** What may say something of a URL. */
export interface UrlLookup<Value> {
  /** Undefined where nothing is said. */
  lookup(url: URL): Value | undefined
}

interface Rule<Value> extends UrlPattern {
  readonly value: Value
}

const EXPECTED =
  'it must be scheme://host:port, scheme://host or scheme, where scheme is http, https or all'

/**
 * Values by URL. The most specific key counts: `scheme://host:port`, `scheme://host`,
 * `all://host:port`, `all://host`, `scheme`, `all`. A key without a port is for every port. Hosts
 * with `*` come behind those without, the more literal ones first.
 */
export class UrlMap<Value> implements UrlLookup<Value> {
  readonly #byHost = new Map<string, Rule<Value>[]>()
  readonly #byWildcard: Rule<Value>[] = []
  readonly #byScheme: Rule<Value>[] = []
  readonly #isEmpty: boolean

  /**
   * What is undefined is left out. Throws `TypeError` for a key that is no pattern, or that says the
   * same as another; it begins with `label`.
   */
  constructor(label: string, entries: Readonly<Record<string, Value | undefined>>) {
    const known = new Map<string, string>()
    for (const [key, value] of Object.entries(entries)) {
      if (value === undefined) continue
      const shown = keyName(label, key)
      const pattern = parsePattern(key)
      if (pattern === null) throw new TypeError(`${shown}: ${EXPECTED}`)
      const same = `${pattern.scheme} ${pattern.host} ${pattern.port}`
      if (known.has(same)) throw new TypeError(`${shown} says the same as ${known.get(same)}`)
      known.set(same, shown)
      this.#add({ ...pattern, value })
    }
    this.#isEmpty = known.size === 0
    for (const rules of this.#byHost.values()) rules.sort(bySpecificity)
    this.#byWildcard.sort(bySpecificity)
    this.#byScheme.sort(bySpecificity)
  }

  lookup(url: URL): Value | undefined {
    if (this.#isEmpty) return undefined
    const scheme = url.protocol.slice(0, -1)
    const host = hostOf(url)
    const port = portOf(url)
    const fits = (rule: Rule<Value>) =>
      (rule.scheme ?? scheme) === scheme && (rule.port ?? port) === port
    const rule =
      this.#byHost.get(host)?.find(fits) ??
      this.#byWildcard.find((rule) => fits(rule) && rule.wildcard!.matches(host)) ??
      this.#byScheme.find(fits)
    return rule?.value
  }

  #add(rule: Rule<Value>): void {
    if (rule.host === null) this.#byScheme.push(rule)
    else if (rule.wildcard !== null) this.#byWildcard.push(rule)
    else if (this.#byHost.has(rule.host)) this.#byHost.get(rule.host)!.push(rule)
    else this.#byHost.set(rule.host, [rule])
  }
}
