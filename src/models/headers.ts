import type { InspectOptions } from 'node:util'
import { inspect } from 'node:util'
import { checkField, isSameName, trimBlanks } from './field.ts'

/** One value as it may be given; a number is sent as its decimal digits. */
export type HeaderValue = string | number

/** Fields as they may be given. Null and undefined in a record are left out. */
export type HeadersInit =
  | Headers
  | Readonly<Record<string, HeaderValue | readonly string[] | null | undefined>>
  | Iterable<readonly [string, HeaderValue]>
  | readonly string[]

const SECRET = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])

/**
 * The fields of a message, in their order. Names are case-insensitive and keep their case;
 * repeated fields stay apart. RFC 9110 5
 */
export class Headers {
  // Name, value, name, value ... Null until a response's fields are first asked for.
  #list: string[] | null = null
  #raw = ''
  #start = 0

  /**
   * From other headers, a record, pairs, or a flat list of names and values in turn. Throws
   * `LocalProtocolError` for a field that HTTP does not allow, `TypeError` for any other shape.
   */
  constructor(init?: HeadersInit | null) {
    if (init === undefined || init === null) return
    if (typeof init !== 'object') throw new TypeError(`Headers cannot be made of a ${typeof init}`)
    if (init instanceof Headers) {
      this.#list = init.#list && [...init.#list]
      this.#raw = init.#raw
      this.#start = init.#start
    } else if (isFlatList(init)) {
      this.#addFlat(init)
    } else if (isIterable(init)) {
      this.#addPairs(init)
    } else {
      this.#addRecord(init)
    }
  }

  /**
   * The fields of a received head, decoded when first asked for. `raw` is latin1, has the field lines
   * from `start` to its end, separated by CRLF and none after the last, and was checked by the parser.
   */
  static fromRawHead(raw: string, start: number): Headers {
    const headers = new Headers()
    headers.#raw = raw
    headers.#start = start
    return headers
  }

  /**
   * The values of `name`, joined by `, `; null if there is none. Of Set-Cookie the first alone, as
   * joined ones cannot be told apart: see `getSetCookie`. RFC 9110 5.3
   */
  get(name: string): string | null {
    const list = this.flat()
    let found: string | null = null
    for (let i = 0; i < list.length; i += 2) {
      if (!isSameName(list[i], name)) continue
      if (found !== null) return this.#join(name)
      found = list[i + 1]
    }
    return found
  }

  /** Every value of `name`, in order. */
  getAll(name: string): string[] {
    const list = this.flat()
    const values: string[] = []
    for (let i = 0; i < list.length; i += 2) {
      if (isSameName(list[i], name)) values.push(list[i + 1])
    }
    return values
  }

  /** Every Set-Cookie, in order. */
  getSetCookie(): string[] {
    return this.getAll('set-cookie')
  }

  /** Whether there is a field of that name. */
  has(name: string): boolean {
    const list = this.flat()
    for (let i = 0; i < list.length; i += 2) {
      if (isSameName(list[i], name)) return true
    }
    return false
  }

  /**
   * Puts one field in the place of all of that name: where the first one stood, else at the end.
   * Throws `LocalProtocolError` for what HTTP does not allow; then nothing has changed.
   */
  set(name: string, value: HeaderValue): void {
    const text = checkedValue(name, value)
    const list = this.#decoded()
    let end = 0
    let placed = false
    for (let i = 0; i < list.length; i += 2) {
      const same = isSameName(list[i], name)
      if (same && placed) continue
      list[end++] = same ? name : list[i]
      list[end++] = same ? text : list[i + 1]
      placed ||= same
    }
    list.length = end
    if (!placed) list.push(name, text)
  }

  /** Adds a field at the end. Throws `LocalProtocolError` for what HTTP does not allow. */
  append(name: string, value: HeaderValue): void {
    const text = checkedValue(name, value)
    this.#decoded().push(name, text)
  }

  /** Removes every field of that name, and says whether there was one. */
  delete(name: string): boolean {
    const list = this.#decoded()
    let end = 0
    for (let i = 0; i < list.length; i += 2) {
      if (isSameName(list[i], name)) continue
      list[end++] = list[i]
      list[end++] = list[i + 1]
    }
    const removed = end < list.length
    list.length = end
    return removed
  }

  /** Name and value of each field, in order; a repeated one several times. */
  *entries(): IterableIterator<[name: string, value: string]> {
    const list = this.flat()
    for (let i = 0; i < list.length; i += 2) yield [list[i], list[i + 1]]
  }

  /** The name of each field, as it came. */
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name
  }

  /** The value of each field. */
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value
  }

  /** As `entries()`. */
  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    return this.entries()
  }

  /** Calls back for each field, in order. */
  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this.entries()) callback(value, name, this)
  }

  /** What came, in order, as pairs: a copy. */
  get raw(): readonly (readonly [name: string, value: string])[] {
    return [...this.entries()]
  }

  /** Name, value, name, value ...: the list itself, not to be kept or changed. */
  flat(): readonly string[] {
    return this.#decoded()
  }

  /**
   * Lower-case names with their value, or with all of them where a field is repeated. The record has no
   * prototype: a header may be called `__proto__`. Secrets are in it.
   */
  toJSON(): Record<string, string | string[]> {
    const record: Record<string, string | string[]> = Object.create(null)
    for (const [name, value] of this.entries()) {
      const key = name.toLowerCase()
      const known = record[key]
      if (known === undefined) record[key] = value
      else if (typeof known === 'string') record[key] = [known, value]
      else known.push(value)
    }
    return record
  }

  /** Each field as it came, but credentials and cookies as `[secret]`. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Headers]'
    const fields = [...this.entries()].map(([name, value]) => {
      const shown = SECRET.has(name.toLowerCase()) ? '[secret]' : value
      return `${inspect(name, options)}: ${inspect(shown, options)}`
    })
    if (fields.length === 0) return 'Headers {}'
    const line = `Headers { ${fields.join(', ')} }`
    return line.length <= 80 ? line : `Headers {\n  ${fields.join(',\n  ')}\n}`
  }

  #decoded(): string[] {
    if (this.#list) return this.#list
    this.#list = decode(this.#raw, this.#start)
    this.#raw = ''
    return this.#list
  }

  #join(name: string): string {
    const values = this.getAll(name)
    return isSameName(name, 'set-cookie') ? values[0] : values.join(', ')
  }

  #addFlat(list: readonly string[]): void {
    if (list.length % 2 !== 0) throw new TypeError('Headers have a name without a value')
    for (let i = 0; i < list.length; i += 2) this.append(list[i], list[i + 1])
  }

  #addPairs(pairs: Iterable<unknown>): void {
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new TypeError('Headers need pairs of a name and a value')
      }
      this.append(pair[0], pair[1])
    }
  }

  #addRecord(record: object): void {
    for (const [name, value] of Object.entries(record)) {
      if (value === null || value === undefined) continue
      if (Array.isArray(value)) for (const one of value) this.append(name, one)
      else this.append(name, value)
    }
  }
}

function isFlatList(init: object): init is readonly string[] {
  return Array.isArray(init) && typeof init[0] === 'string'
}

function isIterable(init: object): init is Iterable<unknown> {
  return Symbol.iterator in init
}

function checkedValue(name: string, value: HeaderValue): string {
  const text = typeof value === 'number' ? String(value) : value
  checkField(name, text)
  return trimBlanks(text, 0, text.length)
}

function decode(raw: string, start: number): string[] {
  const list: string[] = []
  let lineEnd: number
  for (let at = start; at < raw.length; at = lineEnd + 2) {
    lineEnd = raw.indexOf('\r\n', at)
    if (lineEnd === -1) lineEnd = raw.length
    const colon = raw.indexOf(':', at)
    list.push(raw.slice(at, colon), trimBlanks(raw, colon + 1, lineEnd))
  }
  return list
}
