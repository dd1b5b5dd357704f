import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One response of the corpus and its expected outcome. README.md describes the notation. */
export interface Case {
  /** The name of the file and the heading of the section. */
  readonly name: string
  /** The method of the request. */
  readonly method: string
  readonly bytes: Buffer
  /** The outcome in the notation of `ParserDriver.describe`. */
  readonly expected: string
}

// Compiled tests are in dist/test/wire/; the corpus stays with the sources.
const folder = fileURLToPath(new URL('../../../test/wire/', import.meta.url))

export function readCorpus(): Case[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .sort()
    .flatMap((name) => casesOf(name.slice(0, -3), readFileSync(join(folder, name), 'utf8')))
}

function casesOf(file: string, text: string): Case[] {
  return text
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const heading = `${file}: ${section.slice(0, section.indexOf('\n'))}`
      const blocks = [...section.matchAll(/^```(\S+)\n(.*?)\n?^```$/gms)]
      const responses = blocks.filter(([, info]) => info !== 'expect')
      const expectation = blocks.at(-1)
      if (responses.length !== blocks.length - 1 || expectation?.[1] !== 'expect') {
        throw new Error(`${heading}: expected one or more responses, followed by one expect block`)
      }
      return responses.map(([, method, body], i) => ({
        name: responses.length > 1 ? `${heading} (${i + 1})` : heading,
        method: method!,
        bytes: bytesOf(body!),
        expected: expectation[2]!,
      }))
    })
}

const ESCAPES = new Map([
  ['\n', '\r\n'],
  ['\\\n', ''],
  ['\\r', '\r'],
  ['\\n', '\n'],
  ['\\t', '\t'],
])

/** Converts a block to bytes. Line ends become CRLF; a backslash joins a line to the next. */
function bytesOf(block: string): Buffer {
  const text = block.replaceAll(/\n|\\(?:x([0-9a-f]{2})|.)/gs, (found, hex) => {
    const char = hex === undefined ? ESCAPES.get(found) : String.fromCharCode(Number(`0x${hex}`))
    if (char === undefined) throw new Error(`invalid escape ${found} in ${block}`)
    return char
  })
  return Buffer.from(text, 'latin1')
}
