import type { Readable } from 'node:stream'
import { memberOf } from '../models/options.ts'
import { kindOf } from '../models/value-kind.ts'
import type { BlobLike, WebStream } from './body-options.ts'

// These functions test for members instead of using `instanceof`. So polyfills and objects of other
// realms work too, and Node need not load its fetch, which any use of the global FormData causes.

export function isBlob(value: object): value is BlobLike {
  const kind = kindOf(value)
  return (kind === 'Blob' || kind === 'File') && hasMethod(value, 'stream')
}

/**
 * Whether it is a WHATWG `FormData`. The objects of the form-data package have the same tag, but
 * are streams.
 */
export function isFormData(value: object): value is FormData {
  return kindOf(value) === 'FormData' && hasMethod(value, 'entries')
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
