// `npm run docs:api`: the API reference, made of the docstrings of the public faces, in docs/api. typedoc
// needs TypeScript 6 as a library, which is not the project's compiler; both are installed in .reference.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const VERSIONS = { typedoc: '0.28.20', typescript: '6.0.3' }

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const missing = Object.entries(VERSIONS).filter(([name, version]) => versionOf(name) !== version)
if (missing.length > 0) {
  const wanted = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  run('npm', 'install', '--prefix', '.reference', '--no-package-lock', '--no-save', ...wanted)
}
run(
  process.execPath,
  '.reference/node_modules/typedoc/bin/typedoc',
  '--options',
  'docs/typedoc.json',
)

function versionOf(name) {
  const file = `.reference/node_modules/${name}/package.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null
}

function run(program, ...words) {
  const { status, error } = spawnSync(program, words, { stdio: 'inherit' })
  if (status === 0) return
  console.error(`${program} ${words.join(' ')}: ${error?.message ?? `ended with ${status}`}`)
  process.exit(1)
}
