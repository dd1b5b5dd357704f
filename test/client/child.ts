import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { evaluationArguments } from '../support/evaluate.ts'

interface Library {
  readonly hawser: typeof import('../../src/index.ts')
}

export interface Outcome {
  readonly output: string
  readonly errors: string
  readonly status: number | string
}

/** The URL of the package's sources, quoted for an import statement. */
export const HAWSER = JSON.stringify(new URL('../../src/index.js', import.meta.url).href)

// Ends the child if its parent has died.
const GUARD = 'setTimeout(() => process.exit(99), 30_000).unref();'

/** Runs a program in a new Node.js process until it ends. `options` are options of Node.js. */
export function runChild(source: string, options?: readonly string[]): Promise<Outcome> {
  if (options === undefined) return run(evaluationArguments(`${GUARD}${source}`))
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

/**
 * Runs a function in a new Node.js process. It can use only its parameters: it is passed as text.
 */
export function inChild<Argument>(
  work: (library: Library, argument: Argument) => Promise<void>,
  argument: Argument,
  options: readonly string[] = [],
): Promise<Outcome> {
  const source = `
    import * as hawser from ${HAWSER}
    await (${work})({ hawser }, ${JSON.stringify(argument) ?? 'undefined'})
  `
  return run(evaluationArguments(`${GUARD}${source}`, options))
}
