import { Content } from '../content/content.ts'
import { isSameName } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import type { Body } from '../models/request.ts'

/** Header fields as `[name, value, name, value, ...]`: the form that costs the engine least. */
export type FieldList = readonly string[]

/**
 * Merges `more` into `base`. Its fields replace those of the same name; null removes them. Throws
 * `TypeError` or `LocalProtocolError` for an invalid field in `more`.
 */
export function mergeFields(base: FieldList, more: HeadersInit | null): FieldList {
  if (more === null) return base
  const added = new Headers(more).flat()
  const replaced = removedNames(more)
  for (let i = 0; i < added.length; i += 2) replaced.add(added[i].toLowerCase())
  const merged: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!replaced.has(base[i].toLowerCase())) merged.push(base[i], base[i + 1])
  }
  for (const text of added) merged.push(text)
  return merged
}

/** Returns the list without the fields of these names, which must be in lower case. */
export function withoutFields(fields: FieldList, names: readonly string[]): FieldList {
  return mergeFields(fields, Object.fromEntries(names.map((name) => [name, null])))
}

/** Returns the list with this field in place of all fields of that name. */
export function withField(fields: FieldList, name: string, value: string): FieldList {
  const list: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (!isSameName(fields[i], name)) list.push(fields[i], fields[i + 1])
  }
  list.push(name, value)
  return list
}

/** Returns the value of the first field of this name, null if there is none. */
export function fieldOf(fields: FieldList, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) if (isSameName(fields[i], name)) return fields[i + 1]
  return null
}

/** Whether `headers` removes the field of this name, which must be in lower case. */
export function removesField(headers: HeadersInit | null, name: string): boolean {
  return headers !== null && removedNames(headers).has(name)
}

/**
 * Adds Content-Length for a `Content` that knows its length, unless a framing field is present. The
 * engine adds it for strings and bytes.
 */
export function withContentLength(fields: FieldList, content: Body | null): FieldList {
  if (!(content instanceof Content) || content.length === null) return fields
  const hasFraming = FRAMING_FIELDS.some((name) => fieldOf(fields, name) !== null)
  return hasFraming ? fields : [...fields, 'content-length', String(content.length)]
}

const FRAMING_FIELDS = ['content-length', 'transfer-encoding']

/** The names given as null, in lower case. Only a record can give null. */
function removedNames(more: HeadersInit): Set<string> {
  if (Symbol.iterator in more) return new Set()
  const names = Object.entries(more).filter(([, value]) => value === null)
  return new Set(names.map(([name]) => name.toLowerCase()))
}
