import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The compiled tests are in dist/test/fuzz/, but the corpus stays with the sources.
const folder = new URL('../../../test/fuzz/corpus/', import.meta.url)

/** Returns the inputs with which a target has failed before. Each run tries them first. */
export function keptInputs(target: string): unknown[] {
  const file = fileOf(target)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

/** Adds a failing input to the corpus. Returns the path of the file. */
export function keepInput(target: string, input: unknown): string {
  const file = fileOf(target)
  const texts = [...keptInputs(target), input].map((one) => `  ${JSON.stringify(one)}`)
  writeFileSync(file, `[\n${[...new Set(texts)].join(',\n')}\n]\n`)
  return file
}

function fileOf(target: string): string {
  return fileURLToPath(new URL(`${target}.json`, folder))
}
