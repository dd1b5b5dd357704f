import type { Response } from '../client/response.ts'
import { iterText } from '../content/text.ts'
import { prettyJson } from './json-colours.ts'
import type { Output } from './output.ts'
import type { Colours } from './terminal.ts'
import { harmless } from './terminal.ts'
import { bytesText } from './units.ts'

/** JSON that is larger is printed as it came, and as it comes. */
const LARGEST_PRETTY = 4 << 20

const TEXT =
  /^(?:text\/|application\/(?:[\w.+-]*[.+-])?(?:json|xml|javascript|ecmascript|yaml|toml|graphql|sql|x-www-form-urlencoded|x-ndjson|x-sh|jsonl|json-seq)\b|image\/svg|message\/|multipart\/)/i

/** What a body is good for on a terminal. */
type BodyType = 'json' | 'text' | 'binary'

/** The head as lines: status and fields. */
export function headText(response: Response, colours: Colours): string {
  const { httpVersion, status, statusText } = response
  const colour = statusColour(status, colours)
  const line = `HTTP/${httpVersion} ${colour(`${status} ${harmless(statusText)}`.trimEnd())}`
  return `${colours.bold(line)}\n${fieldLines(response.headers, colours)}`
}

/** Each field of a head as a line, coloured. */
export function fieldLines(
  headers: Iterable<readonly [string, string]>,
  { cyan, dim }: Colours,
): string {
  let text = ''
  for (const [name, value] of headers) text += `${cyan(name)}${dim(':')} ${harmless(value)}\n`
  return text
}

function statusColour(status: number, colours: Colours): (text: string) => string {
  if (status >= 400) return colours.red
  return status >= 300 ? colours.yellow : status >= 200 ? colours.green : colours.cyan
}

/** Byte for byte, as fast as it is taken. */
export async function pipeBody(response: Response, output: Output): Promise<void> {
  for await (const chunk of response.iterBytes()) await output.write(chunk)
}

/** For people, below the head: JSON pretty, text by its charset, of anything else a note. */
export async function showBody(
  response: Response,
  output: Output,
  colours: Colours,
): Promise<void> {
  const chunks = response.iterBytes()
  const { done, value: first } = await chunks.next()
  if (done) return
  await output.write('\n')
  const type = bodyType(response.headers.get('content-type'), first)
  if (type === 'binary') {
    await chunks.return()
    return output.write(`${colours.dim(binaryNote(response))}\n`)
  }
  const rest = type === 'json' ? await gather(first, chunks) : null
  const pretty = rest?.isAll ? prettyJson(decode(rest.chunks, response.encoding), colours) : null
  if (pretty !== null) return output.write(`${pretty}\n`)
  await showText(joined(rest?.chunks ?? [first], chunks), response.encoding, output)
}

/** By its media type; where there is none, by its first bytes: text has no NUL. */
export function bodyType(contentType: string | null, first: Uint8Array): BodyType {
  const type = (contentType ?? '').split(';')[0]!.trim()
  if (/^(?:application|text)\/(?:[\w.+-]*\+)?json$/i.test(type)) return 'json'
  if (TEXT.test(type)) return 'text'
  return type === '' && !first.includes(0) ? 'text' : 'binary'
}

function binaryNote({ headers }: Response): string {
  const length = headers.get('content-length')
  const size = length === null ? 'A body' : bytesText(Number(length))
  const type = headers.get('content-type') ?? 'no type'
  return `${size} of ${harmless(type)}, not shown on a terminal: use --download FILE, or a pipe`
}

async function showText(
  chunks: AsyncIterable<Uint8Array>,
  encoding: string,
  output: Output,
): Promise<void> {
  let kept = ''
  let end = ''
  for await (const text of iterText(chunks, encoding)) {
    // A CR may be the first half of a line's end, cut in two.
    const shown = kept + text
    kept = shown.endsWith('\r') ? '\r' : ''
    await output.write(harmless(kept === '' ? shown : shown.slice(0, -1)))
    end = shown
  }
  if (!end.endsWith('\n')) await output.write(`${harmless(kept)}\n`)
}

/** All chunks, or as many as make pretty printing too much. */
async function gather(first: Uint8Array, more: AsyncGenerator<Uint8Array, void>) {
  const chunks = [first]
  let size = first.length
  while (size <= LARGEST_PRETTY) {
    const { done, value } = await more.next()
    if (done) return { chunks, isAll: true }
    chunks.push(value)
    size += value.length
  }
  return { chunks, isAll: false }
}

async function* joined(
  before: readonly Uint8Array[],
  after: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  yield* before
  yield* after
}

function decode(chunks: readonly Uint8Array[], encoding: string): string {
  return new TextDecoder(encoding).decode(Buffer.concat(chunks))
}
