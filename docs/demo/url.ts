import { Client } from '../../src/index.ts'
import { printLine, styled } from './terminal.ts'

const MAX_LINES = 20

/** Fetches a URL, and prints the headers and the first lines of the body. */
export async function showUrl(url: string): Promise<void> {
  const client = new Client()
  try {
    const response = await client.get(url)
    const { status, statusText, httpVersion, headers, callElapsed } = response
    printLine(styled('bold', `HTTP/${httpVersion} ${status} ${statusText}`))
    for (const [name, value] of headers) printLine(`${styled('cyan', name)}: ${value}`)
    printLine()
    const type = headers.get('content-type') ?? ''
    const { length } = response.bytes()
    const text = isText(type) && !headers.has('content-encoding') ? firstLines(response.text()) : ''
    if (text !== '') printLine(text)
    printLine(styled('gray', `${length} bytes in ${Math.round(callElapsed)} ms`))
  } finally {
    await client.close()
  }
}

function isText(type: string): boolean {
  return type === '' || /^text\/|\b(json|xml|javascript|x-www-form-urlencoded)\b/i.test(type)
}

/** Removes control characters, so that a body cannot control the terminal. */
function firstLines(text: string): string {
  const lines = text.split(/\r?\n/)
  const first = lines.slice(0, MAX_LINES).map((line) => line.slice(0, 200))
  const more = lines.length > MAX_LINES ? [styled('gray', `(${lines.length} lines in total)`)] : []
  return [...first.map((line) => line.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')), ...more]
    .join('\n')
    .trimEnd()
}
