// Hawser in a bundle, in another realm and with fake timers. `npm run test:embedded` tests the
// published package with real bundlers and test frameworks.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from '../docs/process.ts'
import { bundleProgram, loadInOtherRealm } from '../support/bundled-program.ts'

const server = fork(fileURLToPath(new URL('../embedded/server.js', import.meta.url)))
const [url] = (await once(server, 'message')) as [string]
after(() => server.disconnect())

/** Runs a bundled program in a folder from which no package can be found. */
async function runBundle(t: TestContext, name: string): Promise<unknown> {
  const { outputFiles } = await bundleProgram(`embedded/${name}`)
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bundle-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'bundle.cjs')
  writeFileSync(file, outputFiles[0]!.contents)
  const { code, stdout, stderr } = await runNode(file, [url], folder, 60_000)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

test('74 a CommonJS bundle works without node_modules', async (t) => {
  assert.deepEqual(await runBundle(t, 'program'), [])
})

for (const conditions of [undefined, ['require']]) {
  const who = conditions === undefined ? 'bundlers' : 'Jest'
  test(`74 ${who} get no code that uses import.meta`, async () => {
    const options = conditions === undefined ? {} : { conditions }
    const { warnings, outputFiles } = await bundleProgram('embedded/program', options)
    assert.deepEqual(warnings, []) // esbuild warns of import.meta in CommonJS
    assert.doesNotMatch(outputFiles[0]!.text, /\bimport\.meta\b|\bimport_meta\b/)
  })
}

test('75, 76 all works in another realm, with fake timers, without web classes', async () => {
  const program = loadInOtherRealm(await bundleProgram('embedded/scenario'))
  const { failedChecks } = program as typeof import('../embedded/scenario.ts')
  assert.deepEqual([...(await failedChecks(url))], [])
})

test('76 all works after the timers were replaced, and the process ends', async (t) => {
  assert.deepEqual(await runBundle(t, 'mocked-timers'), [])
})
