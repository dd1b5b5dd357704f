import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import { types } from 'node:util'
import { isPlainObject } from './value-kind.ts'

/**
 * Returns the same object for equal keys, as long as the object is in use. Caches that belong to an
 * object, such as its TLS context, are then shared by everything that uses an equal key.
 */
export class InternTable<Value extends object> {
  readonly #known = new Map<string, WeakRef<Value>>()
  readonly #collected = new FinalizationRegistry<string>((hash) => {
    if (this.#known.get(hash)?.deref() === undefined) this.#known.delete(hash)
  })

  /** Returns the object for an equal `key`, or else creates it. */
  getOrCreate(key: unknown, create: () => Value): Value {
    const hash = hashOf(key)
    const known = this.#known.get(hash)?.deref()
    if (known !== undefined) return known
    const value = create()
    this.#known.set(hash, new WeakRef(value))
    this.#collected.register(value, hash)
    return value
  }
}

/** Copies arrays, plain objects and bytes, recursively. Other values are returned as they are. */
function snapshot(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(snapshot))
  if (types.isUint8Array(value)) return Buffer.from(value)
  return isPlainObject(value) ? Object.freeze(snapshotOf(value)) : value
}

/** Copies the own properties that are not undefined. The copy itself is not frozen. */
export function snapshotOf(record: object): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined) copy[name] = snapshot(value)
  }
  return copy
}

/** Hashes a value of any type. The table keeps only hashes, because keys can contain secrets. */
function hashOf(value: unknown): string {
  const hash = createHash('sha256')
  add(hash, value)
  return hash.digest('base64')
}

/** Adds type and length before each value, so that different values never give the same bytes. */
function add(hash: Hash, value: unknown): void {
  if (typeof value === 'string') {
    hash.update(`string ${value.length}:`).update(value, 'utf8')
  } else if (types.isUint8Array(value)) {
    hash.update(`bytes ${value.length}:`).update(value)
  } else if (Array.isArray(value)) {
    hash.update(`list ${value.length}:`)
    for (const item of value) add(hash, item)
  } else if (isPlainObject(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    hash.update(`record ${entries.length}:`)
    for (const entry of entries) add(hash, entry)
  } else if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
    hash.update(`identity ${identityOf(value)}:`)
  } else {
    hash.update(`${typeof value} ${String(value)}:`)
  }
}

const identities = new WeakMap<object, number>()
let latestIdentity = 0

function identityOf(object: object): number {
  let identity = identities.get(object)
  if (identity === undefined) identities.set(object, (identity = ++latestIdentity))
  return identity
}
