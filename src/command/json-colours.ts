import type { Colours } from './terminal.ts'
import { harmless } from './terminal.ts'

/** Of characters. A few bytes that are nested deeply enough make any number of blanks. */
const LARGEST = 32 << 20

/**
 * JSON set in lines and coloured. Its tokens stay as they came: parsing would round large numbers and lose what
 * is said twice. Null for what is no JSON, or would be too much.
 */
export function prettyJson(text: string, colours: Colours): string | null {
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  const lines: string[] = []
  let line = ''
  let depth = 0
  let size = 0
  const breakLine = () => {
    lines.push(line)
    size += line.length
    line = '  '.repeat(depth)
  }
  const tokens = tokensOf(text)
  for (let i = 0; i < tokens.length; i++) {
    if (size > LARGEST) return null
    const token = tokens[i]!
    const next = tokens[i + 1]
    if (token === '{' || token === '[') {
      line += colours.dim(token)
      depth++
      if (!isEnd(next)) breakLine()
    } else if (isEnd(token)) {
      depth--
      const before = tokens[i - 1]
      if (before !== '{' && before !== '[') breakLine()
      line += colours.dim(token)
    } else if (token === ',') {
      line += colours.dim(token)
      breakLine()
    } else if (token === ':') {
      line += `${colours.dim(token)} `
    } else {
      line += colourOf(token, next === ':', colours)(harmless(token))
    }
  }
  lines.push(line)
  return lines.join('\n')
}

/** Of text that is known to be JSON. */
function tokensOf(text: string): string[] {
  return text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? []
}

function isEnd(token: string | undefined): boolean {
  return token === '}' || token === ']'
}

function colourOf(token: string, isName: boolean, colours: Colours): (text: string) => string {
  if (isName) return colours.cyan
  if (token.startsWith('"')) return colours.green
  if (token === 'null') return colours.magenta
  return token === 'true' || token === 'false' ? colours.magenta : colours.yellow
}
