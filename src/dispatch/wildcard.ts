/**
 * A host with `*`, each for one or more characters, dots too. One at the start, with no dot behind
 * it, stands for subdomains or nothing: `*a.test` is `a.test` and `b.a.test`, but not `ba.test`.
 */
export class Wildcard {
  /** How many characters it names: the more, the more specific. */
  readonly literals: number
  readonly #forms: readonly (readonly string[])[]

  /** `pattern` as `normalizeHost` gives it. */
  constructor(pattern: string) {
    const isDomain = /^\*[^.*]/.test(pattern)
    const forms = isDomain ? [pattern.slice(1), `*.${pattern.slice(1)}`] : [pattern]
    this.#forms = forms.map((form) => form.split('*'))
    this.literals = pattern.replaceAll('*', '').length
  }

  matches(host: string): boolean {
    return this.#forms.some((pieces) => fits(host, pieces))
  }
}

/** Each piece where it first can be: a later place would leave less for those behind it. */
function fits(host: string, [first = '', ...others]: readonly string[]): boolean {
  const last = others.pop()
  if (last === undefined) return host === first
  if (!host.startsWith(first) || !host.endsWith(last)) return false
  let from = first.length
  for (const piece of others) {
    const at = host.indexOf(piece, from + 1)
    if (at < 0) return false
    from = at + piece.length
  }
  return from < host.length - last.length
}
