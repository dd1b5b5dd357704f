// `npm run check:package`: what npm would publish, as publint and arethetypeswrong see it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hawser-package-'))

/** Ends the process where the program does not succeed. */
function run(program: string, words: readonly string[], output: 'inherit' | 'pipe'): string {
  const { status, stdout, error } = spawnSync(program, words, {
    cwd: top,
    encoding: 'utf8',
    stdio: ['ignore', output, 'inherit'],
  })
  if (status === 0) return stdout
  console.error(`${program} ${words.join(' ')}: ${error?.message ?? `ended with ${status}`}`)
  process.exit(1)
}

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
const [packed] = JSON.parse(run('npm', packing, 'pipe')) as { filename: string; size: number }[]
if (packed === undefined) throw new Error('npm pack has packed nothing')
const tarball = join(folder, packed.filename)
console.log(`${packed.filename}, ${Math.round(packed.size / 1000)} kB`)
run('node_modules/.bin/publint', ['run', tarball, '--strict'], 'inherit')
// Node's own resolution of ESM, and bundlers'. `require` of ESM is nothing that it knows of: faces.test.ts.
run('node_modules/.bin/attw', [tarball, '--profile', 'esm-only'], 'inherit')
