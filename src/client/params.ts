import { kindOf } from '../models/value-kind.ts'
import type { RequestUrl } from './plain-url.ts'
import { PlainUrl, toUrl } from './plain-url.ts'

/** One value of a query parameter. Numbers, bigints and booleans are converted to text. */
export type ParamValue = string | number | bigint | boolean

type ParamValues = ParamValue | readonly (ParamValue | null | undefined)[] | null | undefined

/**
 * Parameters of a query: a record, or pairs such as a Map or URLSearchParams. A list gives several
 * values for one name; `null` and `undefined` in it are omitted. `undefined` means that the
 * parameter is not given. `null` or a list without values removes the parameters of that name.
 */
export type ParamsInit =
  | Readonly<Record<string, ParamValues>>
  | Iterable<readonly [name: string, value: ParamValues]>

/** The types of the values that are sent as text. */
const PARAM_TYPES = ['string', 'number', 'bigint', 'boolean']

/** Checked parameters, independent of the object from which they were made. */
export interface Params {
  /** In the order in which they were given. */
  readonly pairs: readonly (readonly [name: string, value: string])[]
  /** The names of the pairs, and the names of parameters to remove. */
  readonly names: readonly string[]
}

/**
 * Checks and copies parameters. Throws `TypeError` for any other type; its message names the
 * parameter and does not contain its value.
 */
export function makeParams(init: ParamsInit): Params {
  if (typeof init !== 'object' || init === null) {
    throw new TypeError(`params must be an object or pairs, not ${kindOf(init)}`)
  }
  const pairs: [name: string, value: string][] = []
  const names: string[] = []
  for (const [name, given] of isIterable(init) ? checkedPairs(init) : Object.entries(init)) {
    if (given === undefined) continue
    names.push(name)
    if (given === null) continue
    for (const value of Array.isArray(given) ? given : [given]) {
      if (value !== undefined && value !== null) pairs.push([name, checkedValue(name, value)])
    }
  }
  return { pairs, names }
}

/** Combines two sets of parameters. For a name given in both, those of the request are used. */
export function combineParams(client: Params | null, request: Params | null): Params | null {
  if (client === null || request === null) return client ?? request
  const replaced = new Set(request.names)
  const kept = client.pairs.filter(([name]) => !replaced.has(name))
  return { pairs: [...kept, ...request.pairs], names: [...client.names, ...request.names] }
}

/**
 * Writes the parameters into the query of `url`. They replace the first parameter of the same name,
 * or are appended, encoded as in a form (a space is `+`). The other parts of the query stay
 * unchanged, byte for byte.
 */
export function mergeParams(url: URL, params: Params): void {
  if (params.names.length === 0) return
  const query = url.search.slice(1)
  const merged = query === '' ? encode(params.pairs) : mergeQuery(query, params)
  // An assignment removes a question mark without a query.
  if (merged !== query) url.search = merged && `?${merged}`
}

/** Returns the URL with the parameters in its query, by the rules of `mergeParams`. */
export function withParams(url: RequestUrl, params: Params): RequestUrl {
  if (url instanceof PlainUrl && !url.path.includes('?')) {
    const query = encode(params.pairs)
    return query === '' ? url : new PlainUrl(url.origin, `${url.path}?${query}`)
  }
  const merged = toUrl(url)
  mergeParams(merged, params)
  return merged
}

function mergeQuery(query: string, params: Params): string {
  const { pairs } = params
  const names = new Set(params.names)
  const kept: string[] = []
  const replaced = new Set<string>()
  const byName = groupByName(pairs)
  for (const segment of query.split('&')) {
    const name = segment === '' ? null : nameOf(segment)
    if (name === null || !names.has(name)) {
      kept.push(segment)
    } else if (!replaced.has(name)) {
      replaced.add(name)
      const values = byName.get(name)
      if (values !== undefined) kept.push(encode(values))
    }
  }
  const added = pairs.filter(([name]) => !replaced.has(name))
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

/** The decoded name of one `name=value` part of a query. */
function nameOf(segment: string): string {
  const end = segment.indexOf('=')
  const name = end === -1 ? segment : segment.slice(0, end)
  return /[%+]/.test(name) ? (new URLSearchParams(`x=${name}`).get('x') as string) : name
}

/** Returns what `URLSearchParams` returns, which takes longer to create than a short text. */
function encode(pairs: Params['pairs']): string {
  let text = ''
  for (const [name, value] of pairs) {
    text += `${text === '' ? '' : '&'}${encodeForm(name)}=${encodeForm(value)}`
  }
  return text
}

function encodeForm(text: string): string {
  if (!/[^\w*.-]/.test(text)) return text
  if (/[\ud800-\udfff]/.test(text)) return new URLSearchParams({ '': text }).toString().slice(1)
  return encodeURIComponent(text).replace(/%20|[!'()~]/g, (found) =>
    found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function checkedPairs(pairs: Iterable<unknown>): [name: string, value: ParamValues][] {
  return Array.from(pairs, (pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new TypeError('Each item of params must be a pair [name, value]')
    }
    return pair as [string, ParamValues]
  })
}

function checkedValue(name: string, value: unknown): string {
  if (PARAM_TYPES.includes(typeof value)) return String(value)
  throw new TypeError(
    `params.${name} must be a string, a number, a bigint or a boolean, not ${kindOf(value)}`,
  )
}

function isIterable(init: object): init is Iterable<unknown> {
  return Symbol.iterator in init
}
