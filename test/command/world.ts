import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { selectBackend } from '../../src/backends/select.ts'
import { runCommand } from '../../src/command/command.ts'
import type { Surroundings } from '../../src/command/terminal.ts'

export const main = fileURLToPath(new URL('../../src/command/main.js', import.meta.url))

/** Nothing of the tests' own environment, or of a .netrc, has a say. */
const cleanEnv = { PATH: process.env.PATH, HOME: '/nonexistent' }

export interface Ended {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export function start(words: readonly string[], env: Record<string, string> = {}, cwd = '.') {
  return spawn(process.execPath, [main, ...words], { cwd, env: { ...cleanEnv, ...env } })
}

/** The compiled command in a process of its own, between pipes. */
export async function run(
  words: readonly string[],
  {
    input = '',
    env = {},
    cwd = '.',
  }: { input?: string; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ended> {
  const child = start(words, env, cwd)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  const [code] = await closed
  return { code, stdout, stderr: stderr.toString() }
}

/** A terminal's stream, and what was written to it. */
export class Screen extends Writable {
  isTTY = true
  columns = 80
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

/** The command as it is on a terminal of 80 columns; `colour: false` as with NO_COLOR. */
export async function onTerminal(
  words: readonly string[],
  { colour = false, ...given }: Partial<Surroundings> & { colour?: boolean } = {},
) {
  const stdout = new Screen()
  const stderr = new Screen()
  const code = await runCommand(words, {
    stdin: new PassThrough(),
    stdout,
    stderr,
    stdoutIsTerminal: true,
    stderrIsTerminal: true,
    columns: 80,
    env: colour ? {} : { NO_COLOR: '1' },
    signal: new AbortController().signal,
    clock: selectBackend('auto').clock,
    ...given,
  })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** Escape sequences as they are read best: `<32>` for `ESC [ 32 m`. */
export function seen(text: string): string {
  return text.replace(/\x1b\[(\d+)m/g, '<$1>')
}

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}
