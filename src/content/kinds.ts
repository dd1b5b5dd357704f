import type { Readable } from 'node:stream'
import { runtimeGlobal } from '../models/environment.ts'
import { memberOf } from '../models/options.ts'
import { kindOf } from '../models/value-kind.ts'
import type { BlobLike, WebStream } from './body-options.ts'

// These functions test for members instead of using `instanceof`. So polyfills and objects of other
// realms work too, and Node need not load its fetch, which any use of the global FormData causes.

/** Whether it is a `Blob` or `File` that can be read, by `readBlob` of web-stream.ts. */
export function isBlob(value: object): value is BlobLike {
  const name = classNameOf(value)
  if (name !== 'Blob' && name !== 'File') return false
  if (hasMethod(value, 'stream') || hasMethod(value, 'arrayBuffer')) return true
  return hasMethod(value, 'slice') && runtimeGlobal('FileReader') !== undefined
}

/** The name of the class of a web standard. happy-dom does not set `Symbol.toStringTag`. */
export function classNameOf(value: object): string {
  const kind = kindOf(value)
  const Class: unknown = value.constructor
  return kind === 'Object' && typeof Class === 'function' ? Class.name : kind
}

/**
 * Whether it is a WHATWG `FormData`. The objects of the form-data package have the same tag, but
 * are streams.
 */
export function isFormData(value: object): value is FormData {
  return classNameOf(value) === 'FormData' && hasMethod(value, 'entries')
}

/** Whether it is a WHATWG `URLSearchParams`. */
export function isUrlSearchParams(value: object): value is URLSearchParams {
  return kindOf(value) === 'URLSearchParams'
}

export function isNodeStream(value: object): value is Readable {
  return hasMethod(value, 'pipe') && Symbol.asyncIterator in value
}

export function isWebStream(value: object): value is WebStream {
  return hasMethod(value, 'getReader')
}

export function isAnyIterable(value: object): value is Iterable<unknown> | AsyncIterable<unknown> {
  return Symbol.asyncIterator in value || Symbol.iterator in value
}

/** Whether it is an iterator, such as a generator, whose values can be read only once. */
export function isIterator(value: object): boolean {
  return hasMethod(value, 'next')
}

/** Whether it has a method. A function on a polluted `Object.prototype` does not count. */
function hasMethod(value: object, name: string): boolean {
  return typeof memberOf(value, name) === 'function'
}
