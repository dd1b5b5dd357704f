import { Content } from '../content/content.ts'
import { isSameName } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import type { Body } from '../models/request.ts'

/** Header fields as `[name, value, name, value, ...]`, which is faster than a `Headers`. */
export type FieldList = readonly string[]

/**
 * Merges `more` into `base`. A field of `more` replaces all fields of that name in `base`, and the
 * value null removes them. Throws `TypeError` or `LocalProtocolError` for an invalid field in
 * `more`.
 */
export function mergeFields(base: FieldList, more: HeadersInit | null): FieldList {
  if (more === null) return base
  const added = new Headers(more).flat()
  const replaced = removedNames(more)
  for (let i = 0; i < added.length; i += 2) {
    const name = added[i]
    if (name !== undefined) replaced.add(name.toLowerCase())
  }
  const merged = filterFields(base, (name) => !replaced.has(name.toLowerCase()))
  for (const text of added) merged.push(text)
  return merged
}

/** Returns the list without the fields of these names, which must be in lower case. */
export function withoutFields(fields: FieldList, names: readonly string[]): FieldList {
  return mergeFields(fields, Object.fromEntries(names.map((name) => [name, null])))
}

/** Returns the fields for whose name `isKept` returns true. */
export function filterFields(fields: FieldList, isKept: (name: string) => boolean): string[] {
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]
    const value = fields[i + 1]
    if (name !== undefined && value !== undefined && isKept(name)) kept.push(name, value)
  }
  return kept
}

/** Returns the list with this field in place of all fields of that name. Null removes them. */
export function withField(fields: FieldList, name: string, value: string | null): FieldList {
  const list = filterFields(fields, (each) => !isSameName(each, name))
  if (value !== null) list.push(name, value)
  return list
}

/** Returns the value of the first field of this name, null if there is none. */
export function fieldOf(fields: FieldList, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    const each = fields[i]
    if (each !== undefined && isSameName(each, name)) return fields[i + 1] ?? null
  }
  return null
}

/** Returns the values of all fields of this name, in order. */
export function valuesOf(fields: FieldList, name: string): string[] {
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
export function withContentLength(fields: FieldList, content: Body | null): FieldList {
  if (!(content instanceof Content) || content.length === null) return fields
  const hasFraming = FRAMING_FIELDS.some((name) => fieldOf(fields, name) !== null)
  return hasFraming ? fields : [...fields, 'content-length', String(content.length)]
}

const FRAMING_FIELDS = ['content-length', 'transfer-encoding']

/** The names whose value is null, in lower case. Only a record can contain null. */
function removedNames(more: HeadersInit): Set<string> {
  if (Symbol.iterator in more) return new Set()
  const names = Object.entries(more).filter(([, value]) => value === null)
  return new Set(names.map(([name]) => name.toLowerCase()))
}
