import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { evaluationArguments } from '../support/evaluate.ts'

type Library = typeof import('../../src/index.ts')

/**
 * Runs a function in a new Node.js process, and resolves with its output when the process has
 * ended. Rejects if it fails or takes more than 20 s. `work` can use only its parameters: it is
 * passed as text.
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
  const { stdout } = await run(process.execPath, evaluationArguments(source), options)
  return stdout.trim()
}
