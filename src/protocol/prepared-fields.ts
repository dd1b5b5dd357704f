import { isSameName } from '../models/field.ts'

/**
 * Header fields of a request, of which the first ones are common to many requests: those were checked
 * and written once. Immutable. Created by `prepareFields` and `with`.
 */
export class PreparedFields implements Iterable<readonly [name: string, value: string]> {
  /** The common fields: names and values in turn. */
  readonly common: readonly string[]
  /** The common fields as they stand in a head. */
  readonly lines: string
  /** The fields of one request, which have other names: names and values in turn. */
  readonly added: readonly string[]

  constructor(common: readonly string[], lines: string, added: readonly string[]) {
    this.common = common
    this.lines = lines
    this.added = added
  }

  /** Returns the value of the first field of this name, null if there is none. */
  get(name: string): string | null {
    return find(this.common, name) ?? find(this.added, name)
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  /** Returns these fields and others, which must have other names. */
  with(added: readonly string[]): PreparedFields {
    const all = this.added.length === 0 ? added : [...this.added, ...added]
    return new PreparedFields(this.common, this.lines, all)
  }

  /** Returns all fields as a list of alternating names and values. */
  flat(): readonly string[] {
    return this.added.length === 0 ? this.common : [...this.common, ...this.added]
  }

  *[Symbol.iterator](): Generator<readonly [name: string, value: string]> {
    const list = this.flat()
    for (let i = 0; i < list.length; i += 2) yield [list[i] as string, list[i + 1] as string]
  }
}

function find(list: readonly string[], name: string): string | null {
  for (let i = 0; i < list.length; i += 2) {
    if (isSameName(list[i] as string, name)) return list[i + 1] as string
  }
  return null
}
