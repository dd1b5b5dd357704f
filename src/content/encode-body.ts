import { option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import type { BodyOptions, ContentInit, FilesInit, FormInit } from './body-options.ts'
import { boundaryFor } from './boundary.ts'
import { isInMemory } from './content.ts'
import { fieldParts, fileParts } from './files.ts'
import { urlEncode } from './form.ts'
import { isBlob, isFormData } from './kinds.ts'
import { Multipart } from './multipart.ts'
import { toContent } from './to-content.ts'

/** The content of a request, and the Content-Type that describes it. */
export interface EncodedBody {
  readonly content: Body
  /** Replaces the Content-Type of the request; null keeps it. */
  readonly contentType: string | null
}

/**
 * Encodes the body options. Returns null if there is no body, also for an empty form.
 *
 * Throws `TypeError` for more than one body and for a value that cannot be sent, `StreamConsumed`
 * for a stream that has been read.
 *
 * @param contentType the Content-Type in the headers of the request, null if there is none
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
  if (isInMemory(content)) return { content, contentType: null }
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
    const text = data === null ? null : urlEncode(data)
    return text === null ? null : inMemory(text, 'application/x-www-form-urlencoded', contentType)
  }
  const { boundary, contentType: type } = boundaryFor(contentType)
  const form = new Multipart([...(data === null ? [] : fieldParts(data)), ...fileList], boundary)
  return { content: form.joinIfSmall() ?? form, contentType: type }
}

/** Throws `TypeError` for values without a JSON form: functions, symbols, bigints, cycles. */
function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text !== undefined) return text
  throw new TypeError(`json must be a value that JSON can represent, not ${kindOf(value)}`)
}

function inMemory(content: string, type: string, contentType: string | null): EncodedBody {
  return { content, contentType: contentType === null ? type : null }
}

function refuseTwo(one: string, other: string): never {
  throw new TypeError(`${one} and ${other} cannot be combined: a request has one body`)
}
