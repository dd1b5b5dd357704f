import type { Readable } from 'node:stream'
import { kindOf } from '../models/value-kind.ts'
import type { BlobLike, WebStream } from './body-options.ts'

// By their looks and not by `instanceof`: polyfills and other realms are as good, and to name the
// global FormData makes Node load the whole of its fetch.

export function isBlob(value: object): value is BlobLike {
  const kind = kindOf(value)
  return (kind === 'Blob' || kind === 'File') && isMethod((value as BlobLike).stream)
}

/** A fetch `FormData`. That of the form-data package says that it is one too, but is a stream. */
export function isFormData(value: object): value is FormData {
  return kindOf(value) === 'FormData' && isMethod((value as FormData).entries)
}

export function isNodeStream(value: object): value is Readable {
  return isMethod((value as Readable).pipe) && Symbol.asyncIterator in value
}

export function isWebStream(value: object): value is WebStream {
  return isMethod((value as WebStream).getReader)
}

export function isAnyIterable(value: object): value is Iterable<unknown> | AsyncIterable<unknown> {
  return Symbol.asyncIterator in value || Symbol.iterator in value
}

/** An iterator of its own, as generators are: what it has given is gone. */
export function isIterator(value: object): boolean {
  return isMethod((value as Iterator<unknown>).next)
}

function isMethod(value: unknown): boolean {
  return typeof value === 'function'
}
