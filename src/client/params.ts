import { kindOf } from '../models/value-kind.ts'

/** One value of a query; numbers and booleans as text. */
export type ParamValue = string | number | boolean

type ParamValues = ParamValue | readonly (ParamValue | undefined)[] | null | undefined

/**
 * Parameters of a query as they may be given: a record, or pairs, such as a Map or URLSearchParams. An
 * undefined value is not given; null, or an empty list, removes what there is of that name.
 */
export type ParamsInit =
  | Readonly<Record<string, ParamValues>>
  | Iterable<readonly [name: string, value: ParamValues]>

/** Checked parameters, which no longer change with what they were made of. */
export interface Params {
  /** In the order in which they were given. */
  readonly pairs: readonly (readonly [name: string, value: string])[]
  /** Those of the pairs, and those that have no value and are to be removed. */
  readonly names: ReadonlySet<string>
}

/** Throws `TypeError`, which names the parameter and shows no value, for anything else. */
export function makeParams(init: ParamsInit): Params {
  if (typeof init !== 'object' || init === null) {
    throw new TypeError(`params must be an object or pairs, not ${kindOf(init)}`)
  }
  const pairs: [name: string, value: string][] = []
  const names = new Set<string>()
  for (const [name, given] of isIterable(init) ? checkedPairs(init) : Object.entries(init)) {
    if (given === undefined) continue
    names.add(name)
    if (given === null) continue
    for (const value of Array.isArray(given) ? given : [given]) {
      if (value !== undefined) pairs.push([name, checkedValue(name, value)])
    }
  }
  return { pairs, names }
}

/** Those of the client and of a request, which wins for a name. */
export function combineParams(client: Params | null, request: Params | null): Params | null {
  if (client === null || request === null) return client ?? request
  const kept = client.pairs.filter(([name]) => !request.names.has(name))
  return {
    pairs: [...kept, ...request.pairs],
    names: new Set([...client.names, ...request.names]),
  }
}

/**
 * Puts them into the URL's own query: in the place of the first of the same name, else at its end,
 * encoded as forms are (a space is `+`). The rest of the query stays as it is, byte for byte.
 */
export function mergeParams(url: URL, params: Params): void {
  if (params.names.size === 0) return
  const query = url.search.slice(1)
  const merged = query === '' ? encode(params.pairs) : merge(query, params)
  url.search = merged && `?${merged}`
}

function merge(query: string, { pairs, names }: Params): string {
  const kept: string[] = []
  const placed = new Set<string>()
  const byName = groupByName(pairs)
  for (const segment of query.split('&')) {
    const name = segment === '' ? null : nameOf(segment)
    if (name === null || !names.has(name)) {
      kept.push(segment)
    } else if (!placed.has(name)) {
      placed.add(name)
      const own = byName.get(name)
      if (own !== undefined) kept.push(encode(own))
    }
  }
  const added = pairs.filter(([name]) => !placed.has(name))
  if (added.length > 0) kept.push(encode(added))
  return kept.join('&')
}

function groupByName(pairs: Params['pairs']): Map<string, [string, string][]> {
  const groups = new Map<string, [string, string][]>()
  for (const [name, value] of pairs) {
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [[name, value]])
    else group.push([name, value])
  }
  return groups
}

/** The name in a part of a query, decoded as that of a form. */
function nameOf(segment: string): string {
  const end = segment.indexOf('=')
  const name = end === -1 ? segment : segment.slice(0, end)
  return /[%+]/.test(name) ? (new URLSearchParams(`x=${name}`).get('x') as string) : name
}

function encode(pairs: Params['pairs']): string {
  return new URLSearchParams(pairs as [string, string][]).toString()
}

function checkedPairs(pairs: Iterable<unknown>): [name: string, value: ParamValues][] {
  return Array.from(pairs, (pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new TypeError('params need pairs of a name and a value')
    }
    return pair as [string, ParamValues]
  })
}

function checkedValue(name: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return String(value)
  }
  throw new TypeError(
    `params.${name} must be a string, a number or a boolean, not ${kindOf(value)}`,
  )
}

function isIterable(init: object): init is Iterable<unknown> {
  return Symbol.iterator in init
}
