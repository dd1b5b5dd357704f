// `npm test [-- words and options]`: the compiled tests whose path holds one of the words (all, if
// there is none). It lists the files itself, because Node 20 does not expand patterns after `--test`.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = relative('.', fileURLToPath(new URL('..', import.meta.url)))
const given = process.argv.slice(2)
const options = given.filter((word) => word.startsWith('-'))
const words = given.filter((word) => !word.startsWith('-'))

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => join(root, name))
  .sort()
if (files.length === 0) {
  console.error(`No test matches ${words.join(' ') || root}`)
  process.exit(1)
}

const node = ['--enable-source-maps', '--test', '--test-timeout=60000']
if (!options.some((option) => option.startsWith('--test-reporter'))) {
  node.push('--test-reporter=spec')
}
const { status } = spawnSync(process.execPath, [...node, ...options, ...files], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
