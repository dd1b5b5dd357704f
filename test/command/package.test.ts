import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { importErrors } from '../support/architecture.ts'
import { folder } from './world.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))

function succeed(program: string, words: readonly string[], cwd: string, home = cwd): string {
  const { status, stdout, stderr } = spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home },
  })
  assert.equal(status, 0, `${program} ${words.join(' ')}:\n${stderr}`)
  return stdout
}

/** As `npm install` lays it out: the package, its dependencies beside it, a link to its bin. */
test('the command of the packed tarball runs', (t) => {
  const where = folder(t)
  const [packed] = JSON.parse(
    succeed('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', where], top, where),
  ) as { filename: string; files: { path: string }[] }[]
  const modules = join(where, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  succeed('tar', ['-xzf', join(where, packed!.filename), '-C', where], where)
  symlinkSync(join(top, 'node_modules'), join(where, 'package/node_modules'))
  symlinkSync('../package', join(modules, 'hawser'))
  const { bin, version } = JSON.parse(readFileSync(join(where, 'package/package.json'), 'utf8'))
  symlinkSync(join('../hawser', bin.hawser), join(modules, '.bin/hawser'))

  const link = join(modules, '.bin/hawser')
  assert.equal(succeed(process.execPath, [link, '--version'], where), `${version}\n`)
  assert.match(succeed(process.execPath, [link, '--help'], where), /Examples:/)
})

test('the library does not load the command', () => {
  for (const face of ['index.ts', 'engine.ts', 'client/client.ts']) {
    const depth = face.includes('/') ? '../' : './'
    const sources = new Map([[face, `import '${depth}command/main.ts'`]])
    assert.match(importErrors(sources).join(), /may not import command/)
  }
})
