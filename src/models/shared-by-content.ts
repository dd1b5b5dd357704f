import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import { isPlain } from './value-kind.ts'

/**
 * Objects that are made once for each content, and kept for as long as somebody uses them: what is
 * cached for each object, such as a TLS context, is then shared by all who ask for the same.
 */
export class SharedByContent<Value extends object> {
  readonly #known = new Map<string, WeakRef<Value>>()
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key)
  })

  /** What was made for equal `content`, else what `make` gives. */
  get(content: unknown, make: () => Value): Value {
    const key = contentKey(content)
    const known = this.#known.get(key)?.deref()
    if (known !== undefined) return known
    const value = make()
    this.#known.set(key, new WeakRef(value))
    this.#collected.register(value, key)
    return value
  }
}

/** A copy that later changes do not reach: of lists, plain objects and bytes. All else is itself. */
function snapshot(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(snapshot))
  if (value instanceof Uint8Array) return Buffer.from(value)
  return isPlain(value) ? Object.freeze(snapshotOf(value)) : value
}

/** The own properties that are not undefined, copied. Not frozen yet. */
export function snapshotOf(record: object): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined) copy[name] = snapshot(value)
  }
  return copy
}

/** A hash: keys and passphrases are in what goes in. */
function contentKey(content: unknown): string {
  const hash = createHash('sha256')
  add(hash, content)
  return hash.digest('base64')
}

/** Kind and length stand before each value, so that no two contents read the same. */
function add(hash: Hash, value: unknown): void {
  if (typeof value === 'string') {
    hash.update(`string ${value.length}:`).update(value, 'utf8')
  } else if (value instanceof Uint8Array) {
    hash.update(`bytes ${value.length}:`).update(value)
  } else if (Array.isArray(value)) {
    hash.update(`list ${value.length}:`)
    for (const item of value) add(hash, item)
  } else if (isPlain(value)) {
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
