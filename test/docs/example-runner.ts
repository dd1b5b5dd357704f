// `node example-runner.js FOLDER NAMES`: imports the examples one after another. When the process
// exits, it prints the output of each completed example as JSON.
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder = '', ...names] = process.argv.slice(2)
const current = new AsyncLocalStorage<string>()
const written = new Map(names.map((name) => [name, '']))
const ended = new Set<string>()

process.stdout.write = (chunk: Uint8Array | string, ...rest: unknown[]): boolean => {
  const name = current.getStore() ?? ''
  written.set(name, (written.get(name) ?? '') + Buffer.from(chunk as string).toString())
  const done = rest.find((each) => typeof each === 'function')
  if (done) process.nextTick(done)
  return true
}
process.on('exit', () => {
  const outputs = [...written].filter(([name]) => ended.has(name))
  writeSync(1, JSON.stringify(Object.fromEntries(outputs)))
})
const environment = { ...process.env }
for (const name of names) {
  for (const key of Object.keys(process.env)) if (!(key in environment)) delete process.env[key]
  Object.assign(process.env, environment)
  await current.run(name, () => import(pathToFileURL(join(folder, `${name}.mjs`)).href))
  ended.add(name)
}
