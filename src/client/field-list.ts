import { Content } from '../content/content.ts'
import { isSameName } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { toFlatList } from '../models/headers.ts'
import type { Body } from '../models/request.ts'
import { PreparedFields } from '../protocol/prepared-fields.ts'

export { prepareFields } from '../protocol/request-head.ts'

/** Header fields as `[name, value, name, value, ...]`, which is faster than a `Headers`. */
export type FieldList = readonly string[]

/** Header fields, of which those that many requests have in common may be prepared. */
export type Fields = FieldList | PreparedFields

/**
 * Merges `more` into `base`. A field of `more` replaces all fields of that name in `base`, and the
 * value null removes them. Throws `TypeError` or `LocalProtocolError` for an invalid field in
 * `more`.
 */
export function mergeFields(base: FieldList, more: HeadersInit | null): FieldList
export function mergeFields(base: Fields, more: HeadersInit | null): Fields
export function mergeFields(base: Fields, more: HeadersInit | null): Fields {
  if (more === null) return base
  const added = toFlatList(more)
  if (added.length === 0 && !removesAny(more)) return base
  if (base instanceof PreparedFields && isOnlyAdded(base, added) && !removesAny(more)) {
    return base.with(added)
  }
  const replaced = removedNames(more)
  for (let i = 0; i < added.length; i += 2) {
    const name = added[i]
    if (name !== undefined) replaced.add(name.toLowerCase())
  }
  const merged = filterFields(base, (name) => !replaced.has(name.toLowerCase()))
  for (const text of added) merged.push(text)
  return merged
}

/** Whether the base has none of these fields, so that they replace nothing. */
function isOnlyAdded(base: PreparedFields, added: FieldList): boolean {
  for (let i = 0; i < added.length; i += 2) if (base.has(added[i] as string)) return false
  return true
}

/** Returns all fields as a flat list. */
export function flatFields(fields: Fields): FieldList {
  return fields instanceof PreparedFields ? fields.flat() : fields
}

/** Returns the fields for whose name `isKept` returns true. */
export function filterFields(given: Fields, isKept: (name: string) => boolean): string[] {
  const fields = flatFields(given)
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]
    const value = fields[i + 1]
    if (name !== undefined && value !== undefined && isKept(name)) kept.push(name, value)
  }
  return kept
}

/** Returns the fields with this one in place of all fields of that name. Null removes them. */
export function withField(fields: FieldList, name: string, value: string | null): FieldList
export function withField(fields: Fields, name: string, value: string | null): Fields
export function withField(fields: Fields, name: string, value: string | null): Fields {
  if (fields instanceof PreparedFields && !fields.has(name)) {
    return value === null ? fields : fields.with([name, value])
  }
  const list = filterFields(fields, (each) => !isSameName(each, name))
  if (value !== null) list.push(name, value)
  return list
}

/** Returns the value of the first field of this name, null if there is none. */
export function fieldOf(fields: Fields, name: string): string | null {
  if (fields instanceof PreparedFields) return fields.get(name)
  for (let i = 0; i < fields.length; i += 2) {
    const each = fields[i]
    if (each !== undefined && isSameName(each, name)) return fields[i + 1] ?? null
  }
  return null
}

/** Returns the values of all fields of this name, in order. */
export function valuesOf(given: Fields, name: string): string[] {
  const fields = flatFields(given)
  const values: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const each = fields[i]
    const value = fields[i + 1]
    if (each !== undefined && value !== undefined && isSameName(each, name)) values.push(value)
  }
  return values
}

/** Whether `headers` has the value null for this name, which must be in lower case. */
export function removesField(headers: HeadersInit | null, name: string): boolean {
  return headers !== null && removedNames(headers).has(name)
}

/**
 * Adds Content-Length for a `Content` of known length, unless a framing field is present. The
 * engine adds it for strings and bytes.
 */
export function withContentLength(fields: Fields, content: Body | null): Fields {
  if (!(content instanceof Content) || content.length === null) return fields
  const hasFraming = FRAMING_FIELDS.some((name) => fieldOf(fields, name) !== null)
  return hasFraming ? fields : withField(fields, 'content-length', String(content.length))
}

const FRAMING_FIELDS = ['content-length', 'transfer-encoding']

/** The names whose value is null, in lower case. Only a record can contain null. */
function removedNames(more: HeadersInit): Set<string> {
  if (!removesAny(more)) return new Set()
  const names = Object.entries(more).filter(([, value]) => value === null)
  return new Set(names.map(([name]) => name.toLowerCase()))
}

function removesAny(more: HeadersInit): boolean {
  if (Symbol.iterator in more) return false
  const record = more as Readonly<Record<string, unknown>>
  for (const name of Object.keys(record)) if (record[name] === null) return true
  return false
}
