import type { Response } from '../client/response.ts'
import { iterText } from '../content/text.ts'
import { decodeJson } from '../models/charset.ts'
import { singleValue } from '../models/headers.ts'
import type { Output } from './output.ts'
import { prettyJson } from './pretty-json.ts'
import type { Colours } from './terminal.ts'
import { stripControls } from './terminal.ts'
import { formatBytes } from './units.ts'

/** Larger JSON is printed unformatted, while it arrives. */
const MAX_PRETTY_BYTES = 4 << 20

const TEXT_TYPES =
  /^(?:text\/|application\/(?:[\w.+-]*[.+-])?(?:json|xml|javascript|ecmascript|yaml|toml|graphql|sql|x-www-form-urlencoded|x-ndjson|x-sh|jsonl|json-seq)\b|image\/svg|message\/|multipart\/)/i

/** How a terminal shows a body. */
type BodyKind = 'json' | 'text' | 'binary'

/** Formats the status line and the header fields; `fields` replaces those of the response. */
export function formatHead(
  response: Response,
  colours: Colours,
  fields: Iterable<readonly [string, string]> = response.headers,
): string {
  const { httpVersion, status, statusText } = response
  const colour = statusColour(status, colours)
  const line = `HTTP/${httpVersion} ${colour(`${status} ${stripControls(statusText)}`.trimEnd())}`
  return `${colours.bold(line)}\n${formatFields(fields, colours)}`
}

/** Formats header fields, one per line. */
export function formatFields(
  headers: Iterable<readonly [string, string]>,
  { cyan, dim }: Colours,
): string {
  let text = ''
  for (const [name, value] of headers) text += `${cyan(name)}${dim(':')} ${stripControls(value)}\n`
  return text
}

function statusColour(status: number, colours: Colours): (text: string) => string {
  if (status >= 400) return colours.red
  return status >= 300 ? colours.yellow : status >= 200 ? colours.green : colours.cyan
}

/** Writes the body unchanged, no faster than the output accepts it. */
export async function pipeBody(response: Response, output: Output): Promise<void> {
  for await (const chunk of response.iterBytes()) await output.write(chunk)
}

/** Prints the body on a terminal: JSON formatted, text decoded, a note instead of binary data. */
export async function printBody(
  response: Response,
  output: Output,
  colours: Colours,
): Promise<void> {
  const chunks = response.iterBytes()
  const { done, value: first } = await chunks.next()
  if (done) return
  await output.write('\n')
  const kind = bodyKind(singleValue(response.headers, 'content-type'), first)
  if (kind === 'binary') {
    await chunks.return()
    return output.write(`${colours.dim(binaryNote(response))}\n`)
  }
  const read = kind === 'json' ? await readUpToLimit(first, chunks) : null
  const pretty = read?.isComplete
    ? prettyJson(decodeJson(Buffer.concat(read.chunks), response.encoding), colours)
    : null
  if (pretty !== null) return output.write(`${pretty}\n`)
  await printText(concatenated(read?.chunks ?? [first], chunks), response.encoding, output)
}

/** Uses the media type. Without one, a body is text if its first chunk has no NUL. */
export function bodyKind(contentType: string | null, first: Uint8Array): BodyKind {
  const type = (contentType ?? '').split(';')[0]!.trim()
  if (/^(?:application|text)\/(?:[\w.+-]*\+)?json$/i.test(type)) return 'json'
  if (TEXT_TYPES.test(type)) return 'text'
  return type === '' && !first.includes(0) ? 'text' : 'binary'
}

function binaryNote({ headers }: Response): string {
  const length = headers.get('content-length')
  const size = length === null ? 'unknown size' : formatBytes(Number(length))
  const type = stripControls(singleValue(headers, 'content-type') ?? 'no Content-Type')
  return `Binary body not shown (${type}, ${size}). Use --download FILE or a pipe.`
}

async function printText(
  chunks: AsyncIterable<Uint8Array>,
  encoding: string,
  output: Output,
): Promise<void> {
  let heldBack = ''
  let lastText = ''
  for await (const text of iterText(chunks, encoding)) {
    // A CR at the end of a chunk is held back: it may be the first half of a CRLF.
    const pending = heldBack + text
    heldBack = pending.endsWith('\r') ? '\r' : ''
    await output.write(stripControls(heldBack === '' ? pending : pending.slice(0, -1)))
    lastText = pending
  }
  if (!lastText.endsWith('\n')) await output.write(`${stripControls(heldBack)}\n`)
}

/** Reads the whole body, or a little more than `MAX_PRETTY_BYTES`. */
async function readUpToLimit(first: Uint8Array, more: AsyncGenerator<Uint8Array, void>) {
  const chunks = [first]
  let size = first.length
  while (size <= MAX_PRETTY_BYTES) {
    const { done, value } = await more.next()
    if (done) return { chunks, isComplete: true }
    chunks.push(value)
    size += value.length
  }
  return { chunks, isComplete: false }
}

async function* concatenated(
  before: readonly Uint8Array[],
  after: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  yield* before
  yield* after
}
