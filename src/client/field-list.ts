import { Content } from '../content/content.ts'
import { isSameName } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import type { Body } from '../models/request.ts'

/** Name, value, name, value ...: what costs the engine least. */
export type FieldList = readonly string[]

/** `base` with what `more` says: its fields replace those of the same name, null removes them. */
export function mergeFields(base: FieldList, more: HeadersInit | null): FieldList {
  if (more === null) return base
  const added = new Headers(more).flat()
  const replaced = removedBy(more)
  for (let i = 0; i < added.length; i += 2) replaced.add(added[i].toLowerCase())
  const merged: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!replaced.has(base[i].toLowerCase())) merged.push(base[i], base[i + 1])
  }
  for (const text of added) merged.push(text)
  return merged
}

/** Without any of these names, given in lower case. */
export function withoutFields(fields: FieldList, names: readonly string[]): FieldList {
  return mergeFields(fields, Object.fromEntries(names.map((name) => [name, null])))
}

/** With this field in place of all of that name. */
export function withField(fields: FieldList, name: string, value: string): FieldList {
  const list: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (!isSameName(fields[i], name)) list.push(fields[i], fields[i + 1])
  }
  list.push(name, value)
  return list
}

export function fieldOf(fields: FieldList, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) if (isSameName(fields[i], name)) return fields[i + 1]
  return null
}

/** Whether null is given for this name, in lower case. */
export function removesField(headers: HeadersInit | null, name: string): boolean {
  return headers !== null && removedBy(headers).has(name)
}

/** With the Content-Length of content that knows it; strings and bytes are counted by the engine. */
export function framedFields(fields: FieldList, content: Body | null): FieldList {
  if (!(content instanceof Content) || content.length === null) return fields
  const isFramed = FRAMING.some((name) => fieldOf(fields, name) !== null)
  return isFramed ? fields : [...fields, 'content-length', String(content.length)]
}

const FRAMING = ['content-length', 'transfer-encoding']

function removedBy(more: HeadersInit): Set<string> {
  if (Symbol.iterator in more) return new Set()
  const names = Object.entries(more).filter(([, value]) => value === null)
  return new Set(names.map(([name]) => name.toLowerCase()))
}
