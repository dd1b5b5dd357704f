import assert from 'node:assert/strict'
import busboy from 'busboy'
import fc from 'fast-check'
import { Client } from '../../../src/index.ts'
import { latin1Text, textOfWords, unicodeText } from '../hostile-text.ts'
import { target } from '../target.ts'

/** Busboy refuses a part whose header has other control characters. */
const name = fc
  .oneof(
    unicodeText,
    textOfWords([
      '"; filename="',
      '\r\n\r\n',
      '\r\n--BB',
      '--BB--',
      'name=',
      'Content-Type: ',
      '\\',
      '%22',
    ]),
  )
  .map((text) => text.replaceAll(/[^\t\r\n\0\x20-\x7e\x80-\uffff]/g, ''))
const content = fc.oneof(latin1Text, textOfWords(['\r\n--BB', '\r\n', '--BB--', '--BB\r\n']))

const client = new Client({ trustEnv: false })

/** A server parses exactly the fields and files that were given, whatever their names are. */
export const multipart = target({
  name: 'multipart',
  inputs: fc.record({
    fields: fc.array(fc.tuple(name, unicodeText), { maxLength: 3 }),
    files: fc.array(
      fc.record({
        name,
        filename: fc.option(name),
        content,
        type: fc.option(fc.constantFrom('text/plain', 'image/png', 'application/x-a;b="c"')),
        isStream: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  async check({ fields, files }) {
    const request = client.buildRequest('POST', 'http://h.test/', {
      data: fields,
      files: files.map(({ name, filename, content, type, isStream }) => {
        const bytes = Buffer.from(content, 'latin1')
        return [name, [filename, isStream ? oneByOne(bytes) : bytes, type ?? undefined]]
      }),
    })
    const sent = await request.read()
    const length = request.headers.get('content-length')
    if (length !== null) assert.equal(Number(length), sent.length)
    const found = await parse(request.headers.get('content-type')!, sent)
    assert.deepEqual(found, [
      ...fields.map(([name, value]) => ({ name: parsedName(name), content: utf8(value) })),
      ...files.map(({ name, filename, content }) => {
        const isFile = filename !== null && filename !== ''
        return {
          name: parsedName(name),
          content,
          ...(isFile && { filename: parsedName(filename) }),
        }
      }),
    ])
  },
})

async function* oneByOne(bytes: Buffer): AsyncGenerator<Buffer> {
  for (const byte of bytes) yield Buffer.of(byte)
}

/**
 * The name that busboy reports: special characters are percent-encoded, and an empty name is
 * undefined.
 */
function parsedName(name: string): string | undefined {
  const sent = Buffer.from(name).toString() // Lone surrogates are replaced.
  return sent.replaceAll(/["\r\n\0]/g, (char) => ESCAPES[char]!) || undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '%22',
  '\r': '%0D',
  '\n': '%0A',
  '\0': '%00',
}

/** The UTF-8 bytes of a text, as latin1. */
function utf8(text: string): string {
  return Buffer.from(text).latin1Slice()
}

interface Found {
  name: string | undefined
  /** Latin1. */
  content: string
  filename?: string
}

/** Parses the body as a server does. */
function parse(contentType: string, bytes: Uint8Array): Promise<Found[]> {
  const found: Found[] = []
  return new Promise((resolve, reject) => {
    busboy({
      headers: { 'content-type': contentType },
      preservePath: true,
      defParamCharset: 'utf8',
      defCharset: 'latin1',
    })
      .on('field', (name, value) => found.push({ name, content: value }))
      .on('file', (name, stream, { filename }) => {
        const file: Found = { name, content: '', ...(filename !== undefined && { filename }) }
        found.push(file)
        stream.on('data', (piece: Buffer) => {
          file.content += piece.latin1Slice()
        })
      })
      .on('error', reject)
      .on('close', () => resolve(found))
      .end(bytes)
  })
}
