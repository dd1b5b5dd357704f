import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { evaluationArguments } from '../support/evaluate.ts'

interface Library {
  readonly engine: typeof import('../../src/engine.ts')
  readonly hawser: typeof import('../../src/index.ts')
  readonly fetch: typeof import('../../src/fetch/index.ts')
  readonly scripted: typeof import('../pool/scripted-pool.ts')
}

/**
 * Runs `work` in a new Node.js process. Resolves with its output when the process has exited.
 * `work` is passed as source text: it can use only its parameters and globals.
 */
export async function inChild<Argument>(
  work: (library: Library, argument: Argument) => Promise<void>,
  argument: Argument,
  options: readonly string[] = [],
): Promise<{ readonly output: string; readonly errors: string; readonly status: number | string }> {
  const path = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
  const source = `
    import * as engine from ${path('../../src/engine.js')}
    import * as hawser from ${path('../../src/index.js')}
    import * as fetch from ${path('../../src/fetch/index.js')}
    import * as scripted from ${path('../pool/scripted-pool.js')}
    setTimeout(() => process.exit(99), 20_000).unref() // in case the parent process has exited
    const work = ${work.toString()}
    await work({ engine, hawser, fetch, scripted }, ${JSON.stringify(argument) ?? 'undefined'})
  `
  const node = spawn(process.execPath, evaluationArguments(source, options), {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | string>((resolve) =>
    node.on('close', (code, signal) => resolve(code ?? signal ?? 'nothing')),
  )
  const [output, errors] = await Promise.all([text(node.stdout), text(node.stderr)])
  return { output: output.trim(), errors, status: await ended }
}
