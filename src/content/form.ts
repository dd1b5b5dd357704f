import { kindOf } from '../models/value-kind.ts'
import type { FormInit } from './body-options.ts'
import { isBlob } from './kinds.ts'

export type Field = readonly [name: string, value: string]

/** The fields in their order, without those that are undefined. Throws `TypeError` for other shapes. */
export function formFields(data: Exclude<FormInit, FormData>): Field[] {
  const fields: Field[] = []
  for (const [name, value] of pairsOf('data', data)) {
    if (Array.isArray(value)) for (const one of value) addField(fields, name, one)
    else addField(fields, name, value)
  }
  return fields
}

/** As application/x-www-form-urlencoded; null for no field at all. */
export function urlEncoded(data: Exclude<FormInit, FormData>): string | null {
  if (data instanceof URLSearchParams) return data.toString() || null
  const fields = formFields(data)
  return fields.length === 0 ? null : new URLSearchParams(fields as [string, string][]).toString()
}

/** A record's own pairs, or those of an iterable. Throws `TypeError` that says `label` for other shapes. */
export function pairsOf(label: string, init: unknown): Iterable<readonly [string, unknown]> {
  if (typeof init === 'object' && init !== null && !isContent(init)) {
    if (Symbol.iterator in init) return checkedPairs(label, init as Iterable<unknown>)
    if (kindOf(init) === 'Object') return Object.entries(init)
  }
  const hint = isContent(init) ? ': give as content what is sent as it is' : ''
  throw new TypeError(`${label} must be an object or pairs, not ${kindOf(init)}${hint}`)
}

function* checkedPairs(label: string, pairs: Iterable<unknown>): Generator<[string, unknown]> {
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new TypeError(`${label} needs pairs of a name and a value`)
    }
    yield pair as [string, unknown]
  }
}

/** What has its place in the option `content`. */
function isContent(value: unknown): boolean {
  if (typeof value === 'string' || ArrayBuffer.isView(value)) return true
  if (typeof value !== 'object' || value === null) return false
  return isBlob(value) || Symbol.asyncIterator in value || kindOf(value).endsWith('ArrayBuffer')
}

function addField(fields: Field[], name: string, value: unknown): void {
  switch (typeof value) {
    case 'undefined':
      return
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return void fields.push([name, String(value)])
    default:
      if (value === null) return void fields.push([name, ''])
  }
  const hint = isContent(value) ? ': give it in files' : ''
  throw new TypeError(
    `data.${name} must be a string, number, bigint, boolean, or null, not ${kindOf(value)}${hint}`,
  )
}
