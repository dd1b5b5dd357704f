// Tests the package as users import it: by its name, through `exports`.
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
    test('exports the same names as its source', async () => {
      const entry = (await import(name)) as Record<string, unknown>
      assert.deepEqual(Object.keys(entry).sort(), Object.keys(source).sort())
      for (const [key, value] of Object.entries(entry)) {
        const original = source[key] as { name?: unknown }
        if (typeof value === 'function') assert.equal(value.name, original.name)
      }
    })

    test('is the same module with import and require, without a warning', async () => {
      assert.equal(require(name), await import(name))
      const program = `require('${name}')`
      const outcome = await runNode('-e', [program], here)
      assert.deepEqual(outcome, { code: 0, stdout: '', stderr: '' })
    })
  })
}

for (const module of ['nodenext', 'node16']) {
  test(`79 the types work with \`import\` and with \`require\`, module ${module}`, async (t) => {
    const folder = mkdtempSync(join(here, 'types-')) // Inside dist, `hawser` can be resolved.
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
    const compilerOptions = { module, strict: true, noEmit: true, types: ['node'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    const compiler = join(here, '../../../node_modules/typescript/bin/tsc')
    assert.deepEqual(await runNode(compiler, ['-p', folder]), { code: 0, stdout: '', stderr: '' })
  })
}

test('all entry points share their classes', async () => {
  const client = await import('hawser')
  const engine = await import('hawser/engine')
  const fetch = await import('hawser/fetch')
  assert.equal(client.ReadTimeout, engine.ReadTimeout)
  assert.equal(client.ReadTimeout, fetch.ReadTimeout)
  assert.equal(client.Headers, engine.Headers)
})

test('the bundle is up to date with the compiled code', () => {
  const dist = join(here, '../..')
  const newest = (readdirSync(join(dist, 'src'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.js'))
    .map((name) => statSync(join(dist, 'src', name)).mtimeMs)
    .reduce((a, b) => Math.max(a, b))
  const bundled = statSync(join(dist, 'lib/index.js')).mtimeMs
  assert.ok(bundled >= newest, 'dist/lib is older than dist/src: run `npm run setup`')
})

/** Returns how many bytes of each file a bundler keeps for a program. */
async function bundledSizes(program: string): Promise<Record<string, number>> {
  const { metafile } = await build({
    stdin: { contents: program, resolveDir: here },
    bundle: true,
    write: false,
    logLevel: 'error', // esbuild would not print warnings for an installed package.
    metafile: true,
    packages: 'bundle',
    external: ['tough-cookie'],
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

test('a bundler omits client and engine if only an error class is used', async () => {
  const error = await bundledSizes(
    `import { TooManyRedirects } from 'hawser'; console.log(TooManyRedirects)`,
  )
  const client = await bundledSizes(`import { Client } from 'hawser'; console.log(Client)`)
  const engine = await bundledSizes(
    `import { ConnectionPool } from 'hawser/engine'; console.log(ConnectionPool)`,
  )
  assert.ok(total(error) < 10_000, `${total(error)} bytes`)
  assert.ok(total(engine) < total(client), `${total(engine)} and ${total(client)} bytes`)
})
