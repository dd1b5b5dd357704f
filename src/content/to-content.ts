import { types } from 'node:util'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import type { ContentInit } from './body-options.ts'
import type { Chunk } from './content.ts'
import { Content } from './content.ts'
import {
  isAnyIterable,
  isBlob,
  isFormData,
  isIterator,
  isNodeStream,
  isUrlSearchParams,
  isWebStream,
} from './kinds.ts'
import { NodeStreamContent } from './node-stream.ts'
import { IteratorContent } from './one-shot.ts'
import { BlobContent, WebStreamContent } from './web-stream.ts'

/**
 * Converts content to a form that the engine can send. Strings, bytes, repeatable iterables and
 * results of this function are returned unchanged. Throws `StreamConsumed` for a stream that has
 * ended, failed or been read, and `TypeError` for a value that is not content.
 *
 * @param label the name of the option, for the message of the error
 */
export function toContent(init: ContentInit, label = 'content'): Body {
  if (typeof init === 'string' || types.isUint8Array(init) || init instanceof Content) return init
  if (ArrayBuffer.isView(init)) return new Uint8Array(init.buffer, init.byteOffset, init.byteLength)
  if (types.isAnyArrayBuffer(init)) return new Uint8Array(init)
  if (typeof init === 'object' && init !== null) {
    if (isBlob(init)) return new BlobContent(init)
    if (isNodeStream(init)) return new NodeStreamContent(init)
    if (isWebStream(init)) return new WebStreamContent(init)
    if (isAnyIterable(init) && !isForm(init)) {
      const chunks = init as Iterable<Chunk> | AsyncIterable<Chunk>
      return isIterator(init) ? new IteratorContent(chunks) : chunks
    }
  }
  throw new TypeError(
    `${label} must be a string, bytes, a Blob, a stream, or an iterable of bytes, not ${kindOf(init)}${hint(init)}`,
  )
}

function isForm(value: object): boolean {
  return isUrlSearchParams(value) || isFormData(value)
}

function hint(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  if (isForm(value)) return '; use data to send a form'
  if ('pipe' in value) return '; convert an old-style stream with new Readable().wrap(stream)'
  return kindOf(value) === 'Object' ? '; use json or data to send an object' : ''
}
