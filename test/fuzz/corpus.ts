import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Compiled tests are in dist/test/fuzz/, the corpus is with the sources.
const folder = new URL('../../../test/fuzz/corpus/', import.meta.url)

/** The inputs with which a target failed once; they are tried first in each run. */
export function keptInputs(target: string): unknown[] {
  const file = fileOf(target)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

/** Adds an input to those, and says in which file. */
export function keepInput(target: string, input: unknown): string {
  const file = fileOf(target)
  const texts = [...keptInputs(target), input].map((one) => `  ${JSON.stringify(one)}`)
  writeFileSync(file, `[\n${[...new Set(texts)].join(',\n')}\n]\n`)
  return file
}

function fileOf(target: string): string {
  return fileURLToPath(new URL(`${target}.json`, folder))
}
