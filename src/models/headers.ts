import type { InspectOptions } from 'node:util'
import { inspect } from 'node:util'
import { redactField } from '../redaction.ts'
import { checkField, isSameName, trimBlanks } from './field.ts'

/** The value of a header. A number is sent in decimal notation. */
export type HeaderValue = string | number

/**
 * The headers of a message: `Headers`, a record, pairs, or a flat list of alternating names and
 * values. Null and undefined in a record are omitted.
 */
export type HeadersInit =
  | Headers
  | Readonly<Record<string, HeaderValue | readonly string[] | null | undefined>>
  | Iterable<readonly [string, HeaderValue]>
  | readonly string[]

/**
 * The headers of a message, in order. Names are case-insensitive and keep their case. Repeated
 * headers are separate entries. RFC 9110 5
 */
export class Headers {
  // Alternating names and values. Null until the headers of a response are read for the first time.
  // The length is even, so for each even `i` below it, `list[i]` and `list[i + 1]` are strings. The
  // loops rely on this with `as string`, because checks would make the lookup of a header slower.
  #list: string[] | null = null
  #raw = ''
  #start = 0

  /**
   * Creates headers from other headers, a record, pairs, or a flat list of alternating names and
   * values. Throws `LocalProtocolError` for a header that HTTP does not allow, and `TypeError` for
   * any other value.
   */
  constructor(init?: HeadersInit | null) {
    if (init === undefined || init === null) return
    if (typeof init !== 'object') {
      throw new TypeError(`Headers must be given as an object or an array, not as a ${typeof init}`)
    }
    if (init instanceof Headers) {
      this.#list = init.#list && [...init.#list]
      this.#raw = init.#raw
      this.#start = init.#start
    } else if (isFlatList(init)) {
      this.#addFlat(init)
    } else if (isIterable(init)) {
      this.#addPairs(init)
    } else {
      addRecord(this.#decoded(), init)
    }
  }

  /**
   * Creates the headers of a received head. They are split into names and values on first use.
   *
   * @param raw latin1 text that the parser has checked. It contains the field lines from `start` to
   * the end, separated by CRLF, without a CRLF after the last one.
   */
  static fromRawHead(raw: string, start: number): Headers {
    const headers = new Headers()
    headers.#raw = raw
    headers.#start = start
    return headers
  }

  /**
   * Returns the values of a header, joined with `, `; null if there is none. RFC 9110 5.3
   *
   * For Set-Cookie, only the first value is returned, because joined values cannot be separated
   * again. Use `getSetCookie` instead.
   */
  get(name: string): string | null {
    const list = this.flat()
    let found: string | null = null
    for (let i = 0; i < list.length; i += 2) {
      if (!isSameName(list[i] as string, name)) continue
      if (found !== null) {
        return isSameName(name, 'set-cookie') ? found : this.getAll(name).join(', ')
      }
      found = list[i + 1] as string
    }
    return found
  }

  /** Returns all values of a header, in order. */
  getAll(name: string): string[] {
    const list = this.flat()
    const values: string[] = []
    for (let i = 0; i < list.length; i += 2) {
      if (isSameName(list[i] as string, name)) values.push(list[i + 1] as string)
    }
    return values
  }

  /** Returns all values of Set-Cookie, in order. */
  getSetCookie(): string[] {
    return this.getAll('set-cookie')
  }

  /** Whether there is a header with this name. */
  has(name: string): boolean {
    const list = this.flat()
    for (let i = 0; i < list.length; i += 2) {
      if (isSameName(list[i] as string, name)) return true
    }
    return false
  }

  /**
   * Replaces all headers with this name by one, at the position of the first, or else at the end.
   * Throws `LocalProtocolError` for a name or value that HTTP does not allow, and then changes
   * nothing.
   */
  set(name: string, value: HeaderValue): void {
    const text = checkedValue(name, value)
    const list = this.#decoded()
    let end = 0
    let placed = false
    for (let i = 0; i < list.length; i += 2) {
      const known = list[i] as string
      const same = isSameName(known, name)
      if (same && placed) continue
      list[end++] = same ? name : known
      list[end++] = same ? text : (list[i + 1] as string)
      placed ||= same
    }
    list.length = end
    if (!placed) list.push(name, text)
  }

  /** Adds a header at the end. Throws `LocalProtocolError` for what HTTP does not allow. */
  append(name: string, value: HeaderValue): void {
    const text = checkedValue(name, value)
    this.#decoded().push(name, text)
  }

  /** Removes all headers with this name. Returns whether there was one. */
  delete(name: string): boolean {
    const list = this.#decoded()
    let end = 0
    for (let i = 0; i < list.length; i += 2) {
      const known = list[i] as string
      if (isSameName(known, name)) continue
      list[end++] = known
      list[end++] = list[i + 1] as string
    }
    const removed = end < list.length
    list.length = end
    return removed
  }

  /** Iterates over names and values, in order. A repeated header has several entries. */
  *entries(): IterableIterator<[name: string, value: string]> {
    const list = this.flat()
    for (let i = 0; i < list.length; i += 2) yield [list[i] as string, list[i + 1] as string]
  }

  /** Iterates over the names, in their original case. */
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name
  }

  /** Iterates over the values. */
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value
  }

  /** Same as `entries()`. */
  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    return this.entries()
  }

  /** Calls `callback` for each header, in order. */
  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this.entries()) callback(value, name, this)
  }

  /** The headers in order, in their original case, as a copy. */
  get raw(): readonly (readonly [name: string, value: string])[] {
    return [...this.entries()]
  }

  /** Returns the internal list of alternating names and values. Do not change or keep it. */
  flat(): readonly string[] {
    return this.#decoded()
  }

  /**
   * Returns a record of lower-case names and values; the value of a repeated header is an array.
   * The record includes secrets, but `JSON.stringify` shows them as `[secret]`, and URLs redacted,
   * because its result is mostly logged. To serialize everything, call `toJSON()` yourself. The
   * record has no prototype, because a header can have the name `__proto__`.
   *
   * @param property given by `JSON.stringify`: the name of the property that has these headers
   */
  toJSON(property?: string): Record<string, string | string[]> {
    const record: Record<string, string | string[]> = Object.create(null)
    for (const [name, given] of this.entries()) {
      const key = name.toLowerCase()
      const value = property === undefined ? given : redactField(name, given)
      const known = record[key]
      if (known === undefined) record[key] = value
      else if (typeof known === 'string') record[key] = [known, value]
      else known.push(value)
    }
    return record
  }

  /**
   * Shows the headers in their original case. Credentials, cookies and challenges are shown as
   * `[secret]`, and URLs are redacted.
   */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Headers]'
    const fields = [...this.entries()].map(([name, value]) => {
      return `${inspect(name, options)}: ${inspect(redactField(name, value), options)}`
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

  #addFlat(list: readonly string[]): void {
    if (list.length % 2 !== 0) {
      throw new TypeError('The flat list of headers has an odd length: the last name has no value')
    }
    for (let i = 0; i < list.length; i += 2) this.append(list[i] as string, list[i + 1] as string)
  }

  #addPairs(pairs: Iterable<unknown>): void {
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new TypeError('A list of headers must contain [name, value] pairs')
      }
      this.append(pair[0], pair[1])
    }
  }
}

/** Returns headers as a new list of alternating names and values. Throws as `Headers` does. */
export function toFlatList(init: HeadersInit): readonly string[] {
  if (typeof init !== 'object' || init instanceof Headers || isIterable(init)) {
    return new Headers(init).flat()
  }
  const list: string[] = []
  addRecord(list, init)
  return list
}

function addRecord(list: string[], record: Exclude<HeadersInit, Iterable<unknown>>): void {
  for (const name of Object.keys(record)) {
    const value: unknown = record[name]
    if (value === null || value === undefined) continue
    // `checkedValue` refuses a value of another type.
    if (!Array.isArray(value)) list.push(name, checkedValue(name, value as HeaderValue))
    else for (const one of value) list.push(name, checkedValue(name, one))
  }
}

/**
 * Returns the value of a field that may occur only once, such as Location; null if there is none.
 * Servers and proxies repeat such fields: equal values count as one, others are joined with `, `.
 */
export function singleValue(headers: Pick<Headers, 'getAll'>, name: string): string | null {
  const values = headers.getAll(name)
  return values.length === 0 ? null : [...new Set(values)].join(', ')
}

/** Whether these are fields in the form `[name, value, ...]`. */
export function isFlatList(init: HeadersInit | null): init is readonly string[] {
  return Array.isArray(init) && (init.length === 0 || typeof init[0] === 'string')
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
