import { basename } from 'node:path'
import { lookup } from 'mime-types'
import { kindOf } from '../models/value-kind.ts'
import type { BlobLike, ContentInit, FilesInit, FileTuple, FormInit } from './body-options.ts'
import { discardContent } from './content.ts'
import { formFields, pairsOf } from './form.ts'
import { classNameOf, isBlob, isFormData, isNodeStream } from './kinds.ts'
import type { Part } from './multipart.ts'
import { toContent } from './to-content.ts'

/** Returns the parts for `data`. Throws `TypeError` for a value that is not a form. */
export function fieldParts(data: FormInit): Part[] {
  if (!(typeof data === 'object' && data !== null && isFormData(data))) {
    return formFields(data).map(([name, value]) => fieldPart(name, value))
  }
  return [...data.entries()].map(([name, value]) =>
    typeof value === 'string' ? fieldPart(name, value) : partFromContent(name, value),
  )
}

/**
 * Returns the parts for `files`. Throws `TypeError` for a value that is not a file, and as
 * `toContent`.
 */
export function fileParts(files: FilesInit): Part[] {
  const parts: Part[] = []
  try {
    for (const [name, value] of pairsOf('files', files)) {
      if (value === null || value === undefined) continue
      const several: readonly unknown[] = Array.isArray(value) && !isTuple(value) ? value : [value]
      for (const file of several) parts.push(filePart(name, file))
    }
  } catch (error) {
    // No other code can reach the sources that were yielded by a generator.
    for (const { content } of parts) discardContent(content)
    throw error
  }
  return parts
}

/** An empty array counts as a tuple, so that it is refused instead of silently sending no file. */
function isTuple(value: readonly unknown[]): boolean {
  const [first] = value
  return typeof first === 'string' || first === null || value.length === 0
}

function fieldPart(name: string, content: string): Part {
  return { name, filename: null, contentType: null, content }
}

function filePart(name: string, file: unknown): Part {
  return Array.isArray(file)
    ? partFromTuple(name, file as unknown as FileTuple)
    : partFromContent(name, file as ContentInit)
}

function partFromTuple(name: string, tuple: FileTuple): Part {
  const [filename, init, contentType] = tuple
  if (tuple.length !== 2 && tuple.length !== 3) {
    throw new TypeError(
      `files.${name} must be a file or [filename, content, contentType?], not an array of length ${tuple.length}`,
    )
  }
  if (typeof filename !== 'string' && filename !== null) {
    throw new TypeError(
      `files.${name}: the file name must be a string or null, not ${kindOf(filename)}`,
    )
  }
  if (contentType !== undefined && contentType !== null && typeof contentType !== 'string') {
    throw new TypeError(
      `files.${name}: the content type must be a string or null, not ${kindOf(contentType)}`,
    )
  }
  const content = toContent(init, `files.${name}`)
  if (contentType === null) return { name, filename, contentType, content }
  return { name, filename, contentType: contentType || contentTypeOf(init, filename), content }
}

function partFromContent(name: string, init: ContentInit): Part {
  const content = toContent(init, `files.${name}`)
  const filename = fileNameOf(init) || 'upload'
  return { name, filename, contentType: contentTypeOf(init, filename), content }
}

/** Returns the name of a `File`, or the base name of a stream's path; empty for other content. */
function fileNameOf(init: ContentInit): string {
  if (typeof init !== 'object') return ''
  if (isFile(init)) return String((init as BlobLike & { name: unknown }).name)
  if (!isNodeStream(init) || !Object.hasOwn(init, 'path')) return ''
  const { path } = init as { path?: unknown }
  return typeof path === 'string' || Buffer.isBuffer(path) ? basename(String(path)) : ''
}

/** In Bun, the kind of a `File` is 'Blob'. */
function isFile(init: object): boolean {
  const kind = classNameOf(init)
  return kind === 'File' || (kind === 'Blob' && typeof File === 'function' && init instanceof File)
}

/**
 * Returns the type of a `Blob`, or else a guess from the file name; null if there is no file name.
 */
function contentTypeOf(init: ContentInit, filename: string | null): string | null {
  const blobType = typeof init === 'object' && isBlob(init) ? init.type : ''
  return blobType || (filename === null ? null : guessType(filename))
}

function guessType(filename: string): string {
  return lookup(filename) || 'application/octet-stream'
}
