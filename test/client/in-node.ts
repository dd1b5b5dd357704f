import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { evaluate } from '../support/evaluate.ts'

type Library = typeof import('../../src/index.ts')

/**
 * Runs `work` in a Node of its own, and resolves with what it printed once that has ended by itself;
 * rejects if it failed or took too long. `work` sees nothing of its surroundings but its parameters.
 */
export async function inNode<Argument>(
  work: (library: Library, argument: Argument) => Promise<void>,
  argument: Argument,
): Promise<string> {
  const library = new URL('../../src/index.js', import.meta.url).href
  const source = `
    import * as library from ${JSON.stringify(library)}
    await (${work.toString()})(library, ${JSON.stringify(argument)})
  `
  const options = { timeout: 20_000 }
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, evaluate(source), options)
  return stdout.trim()
}
