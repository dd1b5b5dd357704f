// Loading the package: with `require`, and without the dependencies that are not needed yet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HAWSER, runChild } from './child.ts'

/**
 * The URL of the published bundle, quoted for an import statement. It loads some packages later
 * than the sources do.
 */
const PUBLISHED = JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)

test('the package can be loaded with require', async () => {
  const file = JSON.stringify(fileURLToPath(JSON.parse(HAWSER)))
  const source = `
    const requireFrom = require('node:module').createRequire(${file}) // a file of the package itself
    const { Client, get, delete: remove } = requireFrom('hawser')
    const { ConnectionPool } = requireFrom('hawser/engine')
    console.log(typeof Client, typeof get, typeof remove, typeof ConnectionPool)
  `
  const outcome = await runChild(source, ['--no-warnings', '--input-type=commonjs'])
  assert.deepEqual(outcome, {
    output: 'function function function function',
    errors: '',
    status: 0,
  })
})

test('dependencies are loaded when they are first needed', async () => {
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
  const [plain, files, cookies = ''] = outcome.output.split('\n')
  assert.equal(plain, 'none')
  assert.equal(files, 'none') // the types of files are in the bundle
  assert.match(cookies, /tough-cookie/)
})
