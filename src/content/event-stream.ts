import { createParser } from 'eventsource-parser'
import { checkOptions, withoutPrototype } from '../models/options.ts'
import type { RecordContext } from './record-splitter.ts'
import { maxSizeOf, mediaType, RecordSplitter } from './record-splitter.ts'

/** Options of `response.iterEvents()`. */
export interface EventStreamOptions {
  /** Maximum size of an event in bytes, without its comments. `null`: no limit. Default 1 MiB. */
  readonly maxEventSize?: number | null | undefined
}

/** A server-sent event. */
export interface ServerSentEvent {
  /** The type of the event. Default `message`. */
  readonly event: string
  /** The data: the values of the `data` fields, joined by line feeds. */
  readonly data: string
  /**
   * The identifier that the event sets, null if it sets none. To continue after a lost connection,
   * send the last one that is not null in a Last-Event-ID field.
   */
  readonly id: string | null
  /**
   * The time in ms that the server asks you to wait before you connect again, null if it has sent
   * none since the previous event.
   */
  readonly retry: number | null
}

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a

/**
 * Parses server-sent events. An event is returned as soon as the empty line after it has begun.
 * An event that is not complete at the end is ignored. WHATWG HTML 9.2.6
 *
 * Throws `TypeError` for an invalid option. The iterator throws the errors of `context` for another
 * Content-Type and for an event that is too large, and the errors of `source`.
 */
export function iterEvents(
  source: AsyncIterable<Uint8Array>,
  options: EventStreamOptions,
  context: RecordContext,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  checkOptions('iterEvents', options, ['maxEventSize'])
  return parseEvents(source, maxSizeOf(options, 'maxEventSize'), context)
}

async function* parseEvents(
  source: AsyncIterable<Uint8Array>,
  max: number,
  { contentType, fail }: RecordContext,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const type = mediaType(contentType)
  if (type !== 'text/event-stream') {
    const found = type === '' ? 'no Content-Type' : `the Content-Type ${type}`
    throw fail(`Expected text/event-stream, but the response has ${found}`)
  }
  /** The index of the next event, from 0. */
  let index = 0
  /** How many bytes the lines of that event have so far, without their ends and comments. */
  let size = 0
  let retry: number | null = null
  let complete: ServerSentEvent | null = null
  const parser = createParser(
    withoutPrototype({
      onEvent({ event = 'message', data, id = null }) {
        complete = { event, data, id, retry }
      },
      onRetry(ms: number) {
        retry = ms
      },
    }),
  )
  const feed = (line: string): ServerSentEvent | null => {
    complete = null
    parser.feed(line)
    return complete
  }
  const tooLarge = () =>
    fail(`The event at index ${index} has more than ${max} bytes (maxEventSize)`)
  const lines = new RecordSplitter(lineEnd, max, tooLarge)
  let isFirstLine = true
  let afterCr = false
  for await (const chunk of source) {
    for (const line of lines.split(chunk)) {
      const isEmpty = line.length === 1
      const isEndOfCrLf = afterCr && isEmpty && line[0] === LF
      afterCr = line[line.length - 1] === CR
      // Comments keep the connection alive: they must not add up to an event that is too large.
      if (isEndOfCrLf || line[0] === COLON) continue
      size = isEmpty ? 0 : size + line.length - 1
      if (size > max) throw tooLarge()
      // After a CR, the parser would wait for an LF. It gets each line with an LF.
      const text = line.toString('utf8', 0, line.length - 1)
      const event = feed(`${isFirstLine ? text.replace(/^\ufeff/, '') : text}\n`)
      isFirstLine = false
      if (event === null) continue
      index++
      retry = null
      yield event
    }
  }
}

function lineEnd(chunk: Buffer, start: number): number {
  for (let i = start; i < chunk.length; i++) {
    const byte = chunk[i]
    if (byte === LF || byte === CR) return i
  }
  return -1
}
