// The command `npm run docs:api`: creates the API reference in docs/api from the docstrings of the
// public interfaces. typedoc needs TypeScript 6 as a library, which is not the project's compiler,
// so both are installed in .reference.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const VERSIONS = { typedoc: '0.28.20', typescript: '6.0.3' }

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const outdated = Object.entries(VERSIONS).filter(
  ([name, version]) => installedVersion(name) !== version,
)
if (outdated.length > 0) {
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  run('npm', 'install', '--prefix', '.reference', '--no-package-lock', '--no-save', ...packages)
}
run(
  process.execPath,
  '.reference/node_modules/typedoc/bin/typedoc',
  '--options',
  'docs/typedoc.json',
)

function installedVersion(name) {
  const file = `.reference/node_modules/${name}/package.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null
}

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' })
  if (status === 0) return
  console.error(`${program} ${args.join(' ')} failed: ${error?.message ?? `exit status ${status}`}`)
  process.exit(1)
}
