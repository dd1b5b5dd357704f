import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { evaluate } from '../support/evaluate.ts'

interface Library {
  readonly hawser: typeof import('../../src/index.ts')
}

export interface Outcome {
  readonly output: string
  readonly errors: string
  readonly status: number | string
}

/** Where `hawser` is, as text for an import. */
export const HAWSER = JSON.stringify(new URL('../../src/index.js', import.meta.url).href)

const GUARD = 'setTimeout(() => process.exit(99), 30_000).unref();' // its parent may be gone by then

/** Runs a program in a Node of its own until that ends by itself; `options` are Node's. */
export function runChild(source: string, options?: readonly string[]): Promise<Outcome> {
  if (options === undefined) return run(evaluate(`${GUARD}${source}`))
  return run([...options, '--eval', `${GUARD}${source}`])
}

async function run(args: readonly string[]): Promise<Outcome> {
  const node = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | string>((resolve) =>
    node.on('close', (code, signal) => resolve(code ?? signal ?? 'nothing')),
  )
  const [output, errors] = await Promise.all([text(node.stdout), text(node.stderr)])
  return { output: output.trim(), errors, status: await ended }
}

/** Runs `work` there, which sees nothing of its surroundings but its parameters. */
export function inChild<Argument>(
  work: (library: Library, argument: Argument) => Promise<void>,
  argument: Argument,
  options: readonly string[] = [],
): Promise<Outcome> {
  const source = `
    import * as hawser from ${HAWSER}
    await (${work})({ hawser }, ${JSON.stringify(argument) ?? 'undefined'})
  `
  return run(evaluate(`${GUARD}${source}`, options))
}
