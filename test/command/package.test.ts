import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { importErrors } from '../support/architecture.ts'
import { temporaryDirectory } from './run-command.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs a program, which must exit with 0. Returns its stdout. */
function run(program: string, args: readonly string[], cwd: string, home = cwd): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home },
  })
  assert.equal(status, 0, `${program} ${args.join(' ')}:\n${stderr}`)
  return stdout
}

// The directory is laid out as by `npm install`: the package, its dependencies, a link to its bin.
test('the command of the packed tarball runs', (t) => {
  const directory = temporaryDirectory(t)
  const [packed] = JSON.parse(
    run(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', directory],
      root,
      directory,
    ),
  ) as { filename: string; files: { path: string }[] }[]
  const modules = join(directory, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  run('tar', ['-xzf', join(directory, packed!.filename), '-C', directory], directory)
  symlinkSync(join(root, 'node_modules'), join(directory, 'package/node_modules'))
  symlinkSync('../package', join(modules, 'hawser'))
  const { bin, version } = JSON.parse(readFileSync(join(directory, 'package/package.json'), 'utf8'))
  symlinkSync(join('../hawser', bin.hawser), join(modules, '.bin/hawser'))

  const link = join(modules, '.bin/hawser')
  assert.equal(run(process.execPath, [link, '--version'], directory), `${version}\n`)
  assert.match(run(process.execPath, [link, '--help'], directory), /Examples:/)
})

test('the library does not load the command', () => {
  for (const entry of ['index.ts', 'engine.ts', 'client/client.ts']) {
    const depth = entry.includes('/') ? '../' : './'
    const sources = new Map([[entry, `import '${depth}command/main.ts'`]])
    assert.match(importErrors(sources).join(), /may not import command/)
  }
})
