import type { Readable, Writable } from 'node:stream'
import pico from 'picocolors'
import type { Clock } from '../backends/backend.ts'

/** All that the command touches of the world around it. */
export interface Surroundings {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  /** How wide the terminal is. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  readonly clock: Clock
}

export type Colours = ReturnType<typeof pico.createColors>

/**
 * Whether to colour what goes to stdout or stderr. https://no-color.org, https://force-color.org:
 * only a value that is not empty counts.
 */
export function wantsColours(isTerminal: boolean, env: Surroundings['env']): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return isTerminal && env.TERM !== 'dumb'
}

export function coloursFor(wanted: boolean): Colours {
  return pico.createColors(wanted)
}

/** What comes from a server must not steer the terminal: control characters but tab and line feed become `�`. */
export function harmless(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')
}

/** Broken between words, with the lines below the first set in. A word that is too long stays whole. */
export function wrapped(text: string, columns: number, indent: number): string {
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
