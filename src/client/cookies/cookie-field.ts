import { trimBlanks } from '../../models/field.ts'

/** Maximum length of a Cookie field, in octets. Many servers refuse a longer one. */
const MAX_LENGTH = 16_384

/** Cookie values by name. Null means that the client's cookie of that name is not sent. */
export type CookiePairs = ReadonlyMap<string, string | null>

/** The cookies that can be sent with one request. */
interface CookieSources {
  /** The cookies of the jar for the URL, longer paths first. */
  readonly stored: readonly { readonly key: string; cookieString(): string }[]
  /** The client's cookies without a domain. */
  readonly unscoped: readonly { readonly name: string; readonly value: string }[]
  /** The cookies that the caller gave for the request. */
  readonly extra: CookiePairs | null
  /** The Cookie field that the caller or an auth flow gave; null for none. */
  readonly field: string | null
  /** The cookies for the URL that servers have set or deleted in this call. */
  readonly received: CookiePairs
  /** The Cookie fields of the requests that led to `received`. */
  readonly sentBefore: readonly string[]
}

/**
 * Returns the value of the Cookie field of a request; empty for none: the cookies of `field`, of
 * the jar, and of the caller.
 *
 * - A cookie of the jar is replaced by one of the same name in `extra`, and replaces one in
 *   `unscoped`. `field` takes the place of the jar and of `unscoped`.
 * - A cookie that a server has set or deleted in this call replaces all of these: the jar has it,
 *   or has it no longer. A pair in `field` that has not been sent yet is newer, and stays.
 * - If the field would be longer than 16 KiB, the last cookies of the jar are omitted, then the
 *   last ones of the caller, because servers must not crowd them out. `field` is sent in any case.
 */
export function cookieField(sources: CookieSources): string {
  const { stored, unscoped, extra, received } = sources
  const isGiven = sources.field !== null
  const field = sources.field === null ? '' : withoutReplaced(sources.field, sources)
  const inField = isGiven && received.size > 0 ? new Set(field.split(';').map(nameOf)) : null
  const storedNames = new Set<string>()
  const fromServers: string[] = []
  for (const cookie of stored) {
    const { key } = cookie
    const isReplaced = received.has(key) ? inField?.has(key) : isGiven || extra?.has(key)
    if (isReplaced) continue
    storedNames.add(key)
    fromServers.push(cookie.cookieString())
  }
  const fromCaller: string[] = []
  for (const { name, value } of isGiven ? [] : unscoped) {
    const isReplaced = storedNames.has(name) || extra?.has(name) || received.has(name)
    if (!isReplaced) fromCaller.push(`${name}=${value}`)
  }
  for (const [name, value] of extra ?? []) {
    if (value !== null && !received.has(name)) fromCaller.push(`${name}=${value}`)
  }
  const given = joinWithin(roomBeside(field), fromCaller)
  const stillStored = joinWithin(roomBeside(joinTexts([field, given])), fromServers)
  return joinTexts([field, stillStored, given])
}

/**
 * Returns a Cookie field without the pairs that a server has set or deleted after they were sent.
 */
function withoutReplaced(
  field: string,
  { received, sentBefore }: Pick<CookieSources, 'received' | 'sentBefore'>,
): string {
  if (received.size === 0) return field
  const older = new Set(sentBefore.flatMap((sent) => sent.split(';').map(trim)))
  const pairs = field.split(';')
  const kept = pairs.filter((pair) => !received.has(nameOf(pair)) || !older.has(trim(pair)))
  return kept.length === pairs.length ? field : trim(kept.join(';'))
}

/** Returns the name in a `name=value` pair; empty if there is no equals sign. */
function nameOf(pair: string): string {
  return trimBlanks(pair, 0, Math.max(0, pair.indexOf('=')))
}

function trim(text: string): string {
  return trimBlanks(text, 0, text.length)
}

function roomBeside(text: string): number {
  return text === '' ? MAX_LENGTH : MAX_LENGTH - text.length - '; '.length
}

/** Joins cookies as far as they fit; the last ones are omitted. */
function joinWithin(maxLength: number, pairs: readonly string[]): string {
  let joined = ''
  for (const pair of pairs) {
    const longer = joined === '' ? pair : `${joined}; ${pair}`
    if (longer.length > maxLength) break
    joined = longer
  }
  return joined
}

function joinTexts(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('; ')
}
