// How the package is loaded: by `require` too, and what is not needed not at all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HAWSER, runChild } from './child.ts'

/** Where the published Hawser is, as text for an import. It loads some packages later than the sources do. */
const PUBLISHED = JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)

test('by require', async () => {
  const inside = JSON.stringify(fileURLToPath(JSON.parse(HAWSER)))
  const source = `
    const requireInside = require('node:module').createRequire(${inside}) // where 'hawser' is itself
    const { Client, get, delete: remove } = requireInside('hawser')
    const { ConnectionPool } = requireInside('hawser/engine')
    console.log(typeof Client, typeof get, typeof remove, typeof ConnectionPool)
  `
  const outcome = await runChild(source, ['--no-warnings', '--input-type=commonjs'])
  assert.deepEqual(outcome, {
    output: 'function function function function',
    errors: '',
    status: 0,
  })
})

test('packages are loaded when they are needed', async () => {
  const outcome = await runChild(`
    import * as hawser from ${PUBLISHED}
    import { createRequire } from 'node:module'
    const { cache } = createRequire(process.cwd() + '/')
    const loaded = () => {
      const names = Object.keys(cache).map((path) => /node_modules\\/([^/]+)/.exec(path)?.[1])
      const packages = [...new Set(names)].filter((name) => name !== undefined)
      console.log(packages.sort().join() || 'none')
    }
    const client = new hawser.Client({ headers: { a: 'b' }, cookies: { a: 'b' }, auth: ['a', 'b'] })
    client.buildRequest('POST', 'http://h/', { json: {}, params: { a: 'b' } })
    loaded()
    client.buildRequest('POST', 'http://h/', { files: { a: ['x.txt', 'text'] } })
    loaded()
    client.cookies.set('a', 'b', { domain: 'h' })
    loaded()
  `)
  assert.equal(outcome.errors, '')
  const [plain, files, cookies] = outcome.output.split('\n')
  assert.equal(plain, 'none')
  assert.equal(files, 'mime-db,mime-types')
  assert.match(cookies, /mime-types.*tough-cookie/)
})
