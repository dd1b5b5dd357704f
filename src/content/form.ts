import { kindOf } from '../models/value-kind.ts'
import type { FormInit } from './body-options.ts'
import { isBlob, isUrlSearchParams } from './kinds.ts'

/** The types of the values that are sent as text. */
const FIELD_TYPES = ['string', 'number', 'bigint', 'boolean']

export type Field = readonly [name: string, value: string]

/**
 * Returns the fields in order; undefined values are omitted, and so is null in a list. Throws
 * `TypeError` for an invalid form.
 */
export function formFields(data: Exclude<FormInit, FormData>): Field[] {
  const fields: Field[] = []
  for (const [name, value] of pairsOf('data', data)) {
    if (!Array.isArray(value)) addField(fields, name, value)
    else for (const one of value) if (one !== null) addField(fields, name, one)
  }
  return fields
}

/** Encodes a form as application/x-www-form-urlencoded. Returns null if the form has no fields. */
export function urlEncode(data: Exclude<FormInit, FormData>): string | null {
  if (typeof data === 'object' && data !== null && isUrlSearchParams(data)) {
    return data.toString() || null
  }
  const fields = formFields(data)
  return fields.length === 0 ? null : new URLSearchParams(fields as [string, string][]).toString()
}

/**
 * Returns the entries of a record, or the pairs of an iterable. Throws `TypeError` for other
 * values.
 *
 * @param label the name of the option, for the message of the error
 */
export function pairsOf(label: string, init: unknown): Iterable<readonly [string, unknown]> {
  if (typeof init === 'object' && init !== null && !isContent(init)) {
    if (Symbol.iterator in init) return checkedPairs(label, init as Iterable<unknown>)
    if (kindOf(init) === 'Object') return Object.entries(init)
  }
  const hint = isContent(init) ? '; use content to send it unchanged' : ''
  throw new TypeError(`${label} must be an object or pairs, not ${kindOf(init)}${hint}`)
}

function* checkedPairs(label: string, pairs: Iterable<unknown>): Generator<[string, unknown]> {
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new TypeError(`${label} must contain [name, value] pairs`)
    }
    yield pair as [string, unknown]
  }
}

/** Whether the value should have been given as `content`. */
function isContent(value: unknown): boolean {
  if (typeof value === 'string' || ArrayBuffer.isView(value)) return true
  if (typeof value !== 'object' || value === null) return false
  return isBlob(value) || Symbol.asyncIterator in value || kindOf(value).endsWith('ArrayBuffer')
}

function addField(fields: Field[], name: string, value: unknown): void {
  if (value === undefined) return
  if (value === null || FIELD_TYPES.includes(typeof value)) {
    fields.push([name, String(value ?? '')])
    return
  }
  const hint = isContent(value) ? '; use files to send it' : ''
  throw new TypeError(
    `data.${name} must be a string, number, bigint, boolean, or null, not ${kindOf(value)}${hint}`,
  )
}
