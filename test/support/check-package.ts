// The command `npm run check:package`: checks the package that npm would publish with publint and
// arethetypeswrong.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hawser-package-'))

/** Runs a program and returns its output. Exits if the program fails. */
function run(program: string, args: readonly string[], output: 'inherit' | 'pipe'): string {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd: top,
    encoding: 'utf8',
    stdio: ['ignore', output, 'inherit'],
  })
  if (status === 0) return stdout
  console.error(`${program} ${args.join(' ')} failed: ${error?.message ?? `exit status ${status}`}`)
  process.exit(1)
}

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
const [packed] = JSON.parse(run('npm', packing, 'pipe')) as { filename: string; size: number }[]
if (packed === undefined) throw new Error('npm pack created no package')
const tarball = join(folder, packed.filename)
console.log(`${packed.filename}, ${Math.round(packed.size / 1000)} kB`)
run('node_modules/.bin/publint', ['run', tarball, '--strict'], 'inherit')
// The profile checks the ESM resolution of Node.js and of bundlers. attw does not support `require`
// of ESM; faces.test.ts tests that.
run('node_modules/.bin/attw', [tarball, '--profile', 'esm-only'], 'inherit')
