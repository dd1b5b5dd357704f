import { option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import type { BodyOptions, ContentInit, FilesInit, FormInit } from './body-options.ts'
import { boundaryFor } from './boundary.ts'
import { isChunk } from './content.ts'
import { fieldParts, fileParts } from './files.ts'
import { urlEncoded } from './form.ts'
import { isBlob, isFormData } from './kinds.ts'
import { Multipart } from './multipart.ts'
import { toContent } from './to-content.ts'

/** A request's content, and what its headers should say of it. */
export interface EncodedBody {
  readonly content: Body
  /** Put it in the place of what Content-Type says so far; null leaves that as it is. */
  readonly contentType: string | null
}

/**
 * What the body options say; null for no body, as with an empty form. Throws `TypeError` for two bodies
 * at once and for what is none, `StreamConsumed` for a stream that is gone.
 *
 * @param contentType what the request's headers say, null for nothing
 */
export function encodeBody(options: BodyOptions, contentType: string | null): EncodedBody | null {
  const content = option(options, 'content', null) as ContentInit | null
  const json = option(options, 'json', undefined)
  const data = option(options, 'data', null) as FormInit | null
  const files = option(options, 'files', null) as FilesInit | null
  const form = data !== null ? 'data' : files !== null ? 'files' : null
  if (content !== null && json !== undefined) refuseTwo('content', 'json')
  if (content !== null && form !== null) refuseTwo('content', form)
  if (json !== undefined && form !== null) refuseTwo('json', form)
  if (content !== null) return encodeContent(content, contentType)
  if (json !== undefined) return inMemory(toJson(json), 'application/json', contentType)
  return form === null ? null : encodeForm(data, files, contentType)
}

function encodeContent(init: ContentInit, contentType: string | null): EncodedBody {
  const content = toContent(init)
  if (isChunk(content)) return { content, contentType: null }
  const type = contentType === null && isBlob(init as object) ? (init as { type: string }).type : ''
  return { content, contentType: type || null }
}

function encodeForm(
  data: FormInit | null,
  files: FilesInit | null,
  contentType: string | null,
): EncodedBody | null {
  const fileList = files === null ? [] : fileParts(files)
  if (fileList.length === 0 && !(typeof data === 'object' && data !== null && isFormData(data))) {
    const text = data === null ? null : urlEncoded(data)
    return text === null ? null : inMemory(text, 'application/x-www-form-urlencoded', contentType)
  }
  const { boundary, contentType: type } = boundaryFor(contentType)
  const form = new Multipart([...(data === null ? [] : fieldParts(data)), ...fileList], boundary)
  const joined = form.joined()
  if (joined !== null) return { content: joined, contentType: type }
  return { content: form, contentType: type }
}

/** Throws `TypeError` for what JSON lacks: functions, symbols, bigints, circles. */
function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`json must not be a ${kindOf(value)}`)
  return text
}

function inMemory(content: string, type: string, contentType: string | null): EncodedBody {
  return { content, contentType: contentType === null ? type : null }
}

function refuseTwo(one: string, other: string): never {
  throw new TypeError(`${one} and ${other} are two bodies for one request`)
}
