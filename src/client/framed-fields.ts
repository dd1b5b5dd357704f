import { Content } from '../content/content.ts'
import type { FieldList } from './field-list.ts'
import { fieldOf } from './field-list.ts'
import type { Request } from './request.ts'

/** The fields of a request, with Content-Length where its content knows one: strings and bytes the engine counts. */
export function framedFields({ content, fields }: Request): FieldList {
  if (!(content instanceof Content) || content.length === null) return fields
  const isFramed = FRAMING.some((name) => fieldOf(fields, name) !== null)
  return isFramed ? fields : [...fields, 'content-length', String(content.length)]
}

const FRAMING = ['content-length', 'transfer-encoding']
