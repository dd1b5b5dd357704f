import { decodeJson } from '../models/charset.ts'
import type { FindEnd, RecordContext } from './record-splitter.ts'
import { maxSizeOf, mediaType, RecordSplitter } from './record-splitter.ts'

const SEQUENCE = /^application\/(?:.+\+)?json-seq$/

/** A byte that begins a record of a JSON text sequence. */
const RECORD_SEPARATOR = 0x1e
const LF = 0x0a
const BLANK = /^[\t\n\r ]*$/
/** A number or a literal that is followed by nothing: more characters of it may be missing. */
const UNFINISHED = /^[\t\n\r ]*[^\t\n\r "[{][^\t\n\r ]*$/

/** Options of `response.iterJSON()`, except for the schema. */
export interface RecordSizeOptions {
  /** Maximum size of a record in bytes. `null`: no limit. Default 1 MiB. */
  readonly maxRecordSize?: number | null | undefined
}

/**
 * Parses JSON records: each line (NDJSON, JSON Lines), or each record of a JSON text
 * sequence (`application/json-seq`, RFC 7464). A record is returned as soon as the line feed after
 * it has arrived. Records that are empty are ignored.
 *
 * Throws `TypeError` for an invalid limit. The iterator throws the errors of `context` for a record
 * that is too long or not JSON, and the errors of `source`.
 *
 * @param charset what decodes a record that is not UTF-8; not UTF-16, in which a byte of a character
 *   can look like a line feed
 */
export function iterJSONRecords(
  source: AsyncIterable<Uint8Array>,
  charset: string,
  options: RecordSizeOptions,
  context: RecordContext,
): AsyncGenerator<unknown, void, undefined> {
  return parseRecords(source, charset, maxSizeOf(options, 'maxRecordSize'), context)
}

async function* parseRecords(
  source: AsyncIterable<Uint8Array>,
  charset: string,
  max: number,
  { contentType, fail }: RecordContext,
): AsyncGenerator<unknown, void, undefined> {
  const isSequence = SEQUENCE.test(mediaType(contentType))
  /** The index of the next record, from 0. */
  let index = 0
  const findEnd = isSequence ? sequenceEnd() : lineEnd
  const splitter = new RecordSplitter(findEnd, max, () =>
    fail(`The record at index ${index} has more than ${max} bytes (maxRecordSize)`),
  )
  /** Returns the text of a record; null if there is none between two ends. */
  const textOf = (record: Buffer): string | null => {
    const hasSeparator = record[record.length - 1] === RECORD_SEPARATOR
    const text = decodeJson(record.subarray(0, record.length - (hasSeparator ? 1 : 0)), charset)
    return BLANK.test(text) ? null : text
  }
  const parse = (text: string): unknown => {
    try {
      if (isSequence && UNFINISHED.test(text)) throw new SyntaxError('Unexpected end of JSON input')
      return JSON.parse(text)
    } catch (cause) {
      throw fail(`The record at index ${index} is not JSON`, { cause })
    }
  }
  for await (const chunk of source) {
    for (const record of splitter.split(chunk)) {
      const text = textOf(record)
      if (text === null) continue
      yield parse(text)
      index++
    }
  }
  const last = textOf(splitter.takeRest())
  if (last !== null) yield parse(last)
}

/** Encodes text in UTF-8, piece by piece. */
export async function* encodeText(
  pieces: AsyncIterable<string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) yield Buffer.from(piece)
}

function lineEnd(chunk: Buffer, start: number): number {
  return chunk.indexOf(LF, start)
}

/**
 * A record ends before the next separator, or with a line feed outside of its strings, objects and
 * arrays, so that the last one need not wait for the separator of the next.
 */
function sequenceEnd(): FindEnd {
  let depth = 0
  let isInString = false
  let isEscaped = false
  return (chunk, start) => {
    for (let i = start; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === RECORD_SEPARATOR || (byte === LF && depth <= 0 && !isInString)) {
        depth = 0
        isInString = isEscaped = false
        return i
      }
      if (isEscaped) isEscaped = false
      else if (byte === 0x22)
        isInString = !isInString // "
      else if (isInString)
        isEscaped = byte === 0x5c // \
      else if (byte === 0x7b || byte === 0x5b)
        depth++ // { [
      else if (byte === 0x7d || byte === 0x5d) depth-- // } ]
    }
    return -1
  }
}
