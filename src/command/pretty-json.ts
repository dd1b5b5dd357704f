import type { Colours } from './terminal.ts'
import { stripControls } from './terminal.ts'

/** Limits the output: the indentation of n nested brackets has about n squared characters. */
const MAX_CHARACTERS = 32 << 20

/**
 * Indents and colours JSON. Tokens are copied unchanged: serializing the parsed value would round
 * large numbers and drop duplicate names.
 *
 * @returns null if `text` is invalid JSON, or if the result would be too long
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
  const tokens = splitTokens(text)
  for (let i = 0; i < tokens.length; i++) {
    if (size > MAX_CHARACTERS) return null
    const token = tokens[i]!
    const next = tokens[i + 1]
    if (token === '{' || token === '[') {
      line += colours.dim(token)
      depth++
      if (!isClosingBracket(next)) breakLine()
    } else if (isClosingBracket(token)) {
      depth--
      const previous = tokens[i - 1]
      if (previous !== '{' && previous !== '[') breakLine()
      line += colours.dim(token)
    } else if (token === ',') {
      line += colours.dim(token)
      breakLine()
    } else if (token === ':') {
      line += `${colours.dim(token)} `
    } else {
      line += colourFor(token, next === ':', colours)(stripControls(token))
    }
  }
  lines.push(line)
  return lines.join('\n')
}

/** Splits valid JSON into tokens. */
function splitTokens(text: string): string[] {
  return text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? []
}

function isClosingBracket(token: string | undefined): boolean {
  return token === '}' || token === ']'
}

function colourFor(token: string, isName: boolean, colours: Colours): (text: string) => string {
  if (isName) return colours.cyan
  if (token.startsWith('"')) return colours.green
  if (token === 'null') return colours.magenta
  return token === 'true' || token === 'false' ? colours.magenta : colours.yellow
}
