import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { kindOf } from '../models/value-kind.ts'
import type { BlobLike, ContentInit, FilesInit, FileTuple, FormInit } from './body-options.ts'
import { discardContent } from './content.ts'
import { formFields, pairsOf } from './form.ts'
import { isBlob, isFormData, isNodeStream } from './kinds.ts'
import type { Part } from './multipart.ts'
import { toContent } from './to-content.ts'

const require = createRequire(import.meta.url)

/** The parts for `data`. Throws `TypeError` for what is no form. */
export function fieldParts(data: FormInit): Part[] {
  if (!(typeof data === 'object' && data !== null && isFormData(data))) {
    return formFields(data).map(([name, value]) => field(name, value))
  }
  const parts: Part[] = []
  for (const [name, value] of data.entries()) {
    parts.push(typeof value === 'string' ? field(name, value) : bareFile(name, value))
  }
  return parts
}

/** The parts for `files`. Throws `TypeError` for what is no file, and as `toContent` does. */
export function fileParts(files: FilesInit): Part[] {
  const parts: Part[] = []
  try {
    for (const [name, value] of pairsOf('files', files)) {
      if (value === null || value === undefined) continue
      if (Array.isArray(value) && !isTuple(value)) {
        for (const file of value) parts.push(filePart(name, file))
      } else {
        parts.push(filePart(name, value))
      }
    }
  } catch (error) {
    for (const { content } of parts) discardContent(content) // a generator gives it nobody else
    throw error
  }
  return parts
}

/** An empty array is no tuple, but taken for one it is refused instead of sending nothing in silence. */
function isTuple(value: readonly unknown[]): boolean {
  const [first] = value
  return typeof first === 'string' || first === null || value.length === 0
}

function field(name: string, content: string): Part {
  return { name, filename: null, contentType: null, content }
}

function filePart(name: string, file: unknown): Part {
  return Array.isArray(file)
    ? namedFile(name, file as unknown as FileTuple)
    : bareFile(name, file as ContentInit)
}

function namedFile(name: string, tuple: FileTuple): Part {
  const [filename, init, contentType] = tuple
  if (tuple.length !== 2 && tuple.length !== 3) {
    throw new TypeError(
      `files.${name} must be a file or [filename, content, contentType?], not an array of ${tuple.length}`,
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
  return { name, filename, contentType: contentType || typeOf(init, filename), content }
}

function bareFile(name: string, init: ContentInit): Part {
  const content = toContent(init, `files.${name}`)
  const filename = nameOf(init) || 'upload'
  return { name, filename, contentType: typeOf(init, filename), content }
}

/** What a `File` or a file's stream says it is called, without folders; empty for others. */
function nameOf(init: ContentInit): string {
  if (typeof init !== 'object') return ''
  if (isFile(init)) return String((init as BlobLike & { name: unknown }).name)
  if (!isNodeStream(init) || !Object.hasOwn(init, 'path')) return ''
  const { path } = init as { path?: unknown }
  return typeof path === 'string' || Buffer.isBuffer(path) ? basename(String(path)) : ''
}

/** Bun's say that they are Blobs. */
function isFile(init: object): boolean {
  const kind = kindOf(init)
  return kind === 'File' || (kind === 'Blob' && init instanceof File)
}

/** A `Blob`'s own type, else a guess by the name; null where there is no name to guess by. */
function typeOf(init: ContentInit, filename: string | null): string | null {
  const own = typeof init === 'object' && isBlob(init) ? init.type : ''
  return own || (filename === null ? null : guessedType(filename))
}

function guessedType(filename: string): string {
  const { lookup } = require('mime-types') as typeof import('mime-types')
  return lookup(filename) || 'application/octet-stream'
}
