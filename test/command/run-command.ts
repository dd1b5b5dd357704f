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
import type { CommandIO } from '../../src/command/terminal.ts'

export const mainPath = fileURLToPath(new URL('../../src/command/main.js', import.meta.url))

/** Without proxies, colours and .netrc of the machine that runs the tests. */
const cleanEnvironment = { PATH: process.env.PATH, HOME: '/nonexistent' }

export interface CommandResult {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Starts the compiled command, without waiting for it. */
export function spawnCommand(args: readonly string[]) {
  return spawn(process.execPath, [mainPath, ...args], { env: cleanEnvironment })
}

/** Runs the compiled command in a process with pipes for stdin, stdout and stderr. */
export async function runInPipe(args: readonly string[]): Promise<CommandResult> {
  const child = spawnCommand(args)
  child.stdin.end()
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  const [code] = await closed
  return { code, stdout, stderr: stderr.toString() }
}

/** Runs the command in this process, with streams that are not terminals: much faster than `runInPipe`. */
export async function runInProcess(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<CommandResult> {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  stdin.end(input)
  const outputs = Promise.all([buffer(stdout), buffer(stderr)])
  const code = await runCommand(args, {
    stdin,
    stdout,
    stderr,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
    env,
    signal: new AbortController().signal,
    clock: selectBackend('auto').clock,
  })
  stdout.end()
  stderr.end()
  const [output, errors] = await outputs
  return { code, stdout: output, stderr: errors.toString() }
}

/** Records what is written to a terminal. */
export class TerminalStream extends Writable {
  isTTY = true
  columns = 80
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

/** Runs the command in this process, on a terminal of 80 columns. NO_COLOR is set by default. */
export async function runOnTerminal(
  args: readonly string[],
  { colour = false, ...io }: Partial<CommandIO> & { colour?: boolean } = {},
) {
  const stdout = new TerminalStream()
  const stderr = new TerminalStream()
  const code = await runCommand(args, {
    stdin: new PassThrough(),
    stdout,
    stderr,
    stdoutIsTerminal: true,
    stderrIsTerminal: true,
    columns: 80,
    env: colour ? {} : { NO_COLOR: '1' },
    signal: new AbortController().signal,
    clock: selectBackend('auto').clock,
    ...io,
  })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** Makes escape sequences readable: `ESC [ 32 m` becomes `<32>`. */
export function showEscapes(text: string): string {
  return text.replace(/\x1b\[(\d+)m/g, '<$1>')
}

/** Creates a directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}
