import { hostOf, portOf } from './host.ts'
import type { UrlPattern } from './url-pattern.ts'
import { bySpecificity, describeKey, parsePattern } from './url-pattern.ts'

/** Looks up a value by URL. */
export interface UrlLookup<Value> {
  /** @returns undefined if no entry matches */
  lookup(url: URL): Value | undefined
}

interface Rule<Value> extends UrlPattern {
  readonly value: Value
}

const EXPECTED =
  'expected scheme://host:port, scheme://host or scheme, where scheme is http, https or all'

/**
 * A map from URL patterns to values. If several patterns match a URL, the most specific one counts,
 * in this order: `scheme://host:port`, `scheme://host`, `all://host:port`, `all://host`, `scheme`,
 * `all`. A pattern without a port matches every port. Hosts with `*` rank after hosts without;
 * among them, the one with more literal characters comes first.
 */
export class UrlMap<Value> implements UrlLookup<Value> {
  readonly #byHost = new Map<string, Rule<Value>[]>()
  readonly #byWildcard: Rule<Value>[] = []
  readonly #byScheme: Rule<Value>[] = []
  readonly #isEmpty: boolean

  /**
   * @param label the name of the option, with which error messages begin
   * @param entries values by pattern; undefined values are ignored
   * @throws TypeError if a key is not a pattern, or if two keys are equivalent
   */
  constructor(label: string, entries: Readonly<Record<string, Value | undefined>>) {
    const known = new Map<string, string>()
    for (const [key, value] of Object.entries(entries)) {
      if (value === undefined) continue
      const shown = describeKey(label, key)
      const pattern = parsePattern(key)
      if (pattern === null) throw new TypeError(`${shown}: ${EXPECTED}`)
      const same = `${pattern.scheme} ${pattern.host} ${pattern.port}`
      if (known.has(same))
        throw new TypeError(`${shown} matches the same URLs as ${known.get(same)}`)
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
    const matches = (rule: Rule<Value>) =>
      (rule.scheme ?? scheme) === scheme && (rule.port ?? port) === port
    const rule =
      this.#byHost.get(host)?.find(matches) ??
      this.#byWildcard.find((rule) => matches(rule) && rule.wildcard!.matches(host)) ??
      this.#byScheme.find(matches)
    return rule?.value
  }

  #add(rule: Rule<Value>): void {
    if (rule.host === null) this.#byScheme.push(rule)
    else if (rule.wildcard !== null) this.#byWildcard.push(rule)
    else if (this.#byHost.has(rule.host)) this.#byHost.get(rule.host)!.push(rule)
    else this.#byHost.set(rule.host, [rule])
  }
}
