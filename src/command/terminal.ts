import type { Readable, Writable } from 'node:stream'
import pico from 'picocolors'
import type { Clock } from '../backends/backend.ts'
import type { Environment } from '../models/environment.ts'
import { environmentVariable } from '../models/environment.ts'
import { withoutControls } from '../redaction.ts'

/** Everything that the command uses of its process. Tests pass their own. */
export interface CommandIO {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  /** The width of the terminal. */
  readonly columns: number
  /** The environment variables. Default: those of the process. */
  readonly env?: Environment
  /** Aborted with Ctrl-C. */
  readonly signal: AbortSignal
  readonly clock: Clock
}

export type Colours = ReturnType<typeof pico.createColors>

/**
 * Whether to colour the output of one stream. Empty variables are ignored, as https://no-color.org
 * and https://force-color.org specify.
 */
export function shouldColour(isTerminal: boolean, env?: Environment): boolean {
  if (environmentVariable('NO_COLOR', env)) return false
  const forced = environmentVariable('FORCE_COLOR', env)
  if (forced) return forced !== '0'
  return isTerminal && environmentVariable('TERM', env) !== 'dumb'
}

export function createColours(enabled: boolean): Colours {
  return pico.createColors(enabled)
}

/**
 * Replaces control characters, except tab and line feed, with `�`. Text from a server must not send
 * escape sequences to the terminal, nor change the direction of its text. CRLF becomes a line feed.
 */
export function stripControls(text: string): string {
  return withoutControls(text.replace(/\r\n/g, '\n'))
}

/** Makes the text one line, without control characters. */
export function toOneLine(text: string): string {
  return stripControls(text).replace(/\s+/g, ' ').trimEnd()
}

/** Breaks lines between words, and indents all but the first. A word that is too long is kept. */
export function wrapText(text: string, columns: number, indent: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const room = columns - (lines.length === 0 ? 0 : indent)
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
