import { Client } from '../../src/index.ts'
import { say, styled } from './terminal.ts'

const MAX_LINES = 20

/** Fetches any URL and shows the beginning of what came. */
export async function showUrl(url: string): Promise<void> {
  const client = new Client()
  try {
    const response = await client.get(url)
    const { status, statusText, httpVersion, headers, elapsed } = response
    say(styled('bold', `HTTP/${httpVersion} ${status} ${statusText}`))
    for (const [name, value] of headers) say(`${styled('cyan', name)}: ${value}`)
    say()
    const type = headers.get('content-type') ?? ''
    const { length } = response.bytes()
    const shown =
      isText(type) && !headers.has('content-encoding') ? firstLines(response.text()) : ''
    if (shown !== '') say(shown)
    say(styled('gray', `${length} bytes in ${Math.round(elapsed)} ms`))
  } finally {
    await client.close()
  }
}

function isText(type: string): boolean {
  return type === '' || /^text\/|\b(json|xml|javascript|x-www-form-urlencoded)\b/i.test(type)
}

/** Without control characters: a body must not steer the terminal. */
function firstLines(text: string): string {
  const lines = text.split(/\r?\n/)
  const first = lines.slice(0, MAX_LINES).map((line) => line.slice(0, 200))
  const more = lines.length > MAX_LINES ? [styled('gray', `(${lines.length} lines in all)`)] : []
  return [...first.map((line) => line.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')), ...more]
    .join('\n')
    .trimEnd()
}
