// The package as its users get it, by its name: what `exports` leads to.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import * as sourceOfEngine from '../../src/engine.ts'
import * as sourceOfFetch from '../../src/fetch/index.ts'
import * as sourceOfClient from '../../src/index.ts'
import { runNode } from '../docs/process.ts'

const require = createRequire(import.meta.url)
const here = fileURLToPath(new URL('.', import.meta.url))

for (const [name, source] of Object.entries({
  hawser: sourceOfClient,
  'hawser/engine': sourceOfEngine,
  'hawser/fetch': sourceOfFetch,
} as Record<string, Record<string, unknown>>)) {
  describe(name, () => {
    test('exports what its source does, under the same names', async () => {
      const face = (await import(name)) as Record<string, unknown>
      assert.deepEqual(Object.keys(face).sort(), Object.keys(source).sort())
      for (const [key, value] of Object.entries(face)) {
        const own = source[key] as { name?: unknown }
        if (typeof value === 'function') assert.equal(value.name, own.name)
      }
    })

    test('is the same by import and by require, without a warning', async () => {
      assert.equal(require(name), await import(name))
      const program = `require('${name}')`
      const outcome = await runNode('-e', [program], here)
      assert.deepEqual(outcome, { code: 0, stdout: '', stderr: '' })
    })
  })
}

test('the types are right for `import` and for `require`', async (t) => {
  const folder = mkdtempSync(join(here, 'types-')) // in dist, where `hawser` is found
  t.after(() => rmSync(folder, { recursive: true }))
  const uses = `new Client({ timeout: 1 }) satisfies object
    const error: engine.ReadTimeout = new ReadTimeout('late')
    // @ts-expect-error There is no such option.
    new Client({ no: 1 }) ?? error`
  const clause = `{ Client, ReadTimeout } from 'hawser'`
  writeFileSync(
    join(folder, 'a.mts'),
    `import ${clause}\nimport * as engine from 'hawser/engine'\n${uses}`,
  )
  writeFileSync(
    join(folder, 'b.cts'),
    `import ${clause}\nimport engine = require('hawser/engine')\n${uses}`,
  )
  const compilerOptions = { module: 'nodenext', strict: true, noEmit: true, types: ['node'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const compiler = join(here, '../../../node_modules/typescript/bin/tsc')
  assert.deepEqual(await runNode(compiler, ['-p', folder]), { code: 0, stdout: '', stderr: '' })
})

test('the faces share their classes', async () => {
  const client = await import('hawser')
  const engine = await import('hawser/engine')
  const fetch = await import('hawser/fetch')
  assert.equal(client.ReadTimeout, engine.ReadTimeout)
  assert.equal(client.ReadTimeout, fetch.ReadTimeout)
  assert.equal(client.Headers, engine.Headers)
})

test('what is bundled is what is compiled', () => {
  const dist = join(here, '../..')
  const newest = (readdirSync(join(dist, 'src'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.js'))
    .map((name) => statSync(join(dist, 'src', name)).mtimeMs)
    .reduce((a, b) => Math.max(a, b))
  const bundled = statSync(join(dist, 'lib/index.js')).mtimeMs
  assert.ok(bundled >= newest, 'dist/lib is older than dist/src: `npm run setup`')
})

/** Bytes that a bundler keeps of a program, by file of ours. */
async function kept(program: string): Promise<Record<string, number>> {
  const { metafile } = await build({
    stdin: { contents: program, resolveDir: here },
    bundle: true,
    write: false,
    logLevel: 'error', // in a package that is installed it would not warn
    metafile: true,
    packages: 'bundle',
    external: ['tough-cookie', 'mime-types'],
    platform: 'node',
    format: 'esm',
  })
  const [output] = Object.values(metafile.outputs)
  return Object.fromEntries(
    Object.entries(output?.inputs ?? {}).map(([file, { bytesInOutput }]) => [file, bytesInOutput]),
  )
}

const total = (sizes: Record<string, number>) =>
  Object.values(sizes).reduce((sum, size) => sum + size, 0)

test('a bundler that finds one error used leaves out client and engine', async () => {
  const error = await kept(
    `import { TooManyRedirects } from 'hawser'; console.log(TooManyRedirects)`,
  )
  const client = await kept(`import { Client } from 'hawser'; console.log(Client)`)
  const engine = await kept(
    `import { ConnectionPool } from 'hawser/engine'; console.log(ConnectionPool)`,
  )
  assert.ok(total(error) < 10_000, `${total(error)} bytes`)
  assert.ok(total(engine) < total(client), `${total(engine)} and ${total(client)} bytes`)
})
