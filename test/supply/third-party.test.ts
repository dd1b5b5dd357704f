// The packages that are bundled with Hawser: their licences are published, and none of them starts gpg.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')

/** As esbuild has listed them when `dist/lib` was made. */
const bundled: string[] = JSON.parse(read('dist/lib/.bundled'))

/** The text without line breaks and marks of quotation. */
const words = (text: string) => text.replace(/^> ?/gm, '').replace(/\s+/g, ' ').trim()

test('the packages that do the work are bundled', () => {
  for (const name of ['cli-progress', 'commander', 'netrc-parser', 'picocolors'])
    assert.ok(bundled.includes(name), name)
})

describe('native/THIRD-PARTY.md has the version and the licence of a bundled package', () => {
  const sections = read('native/THIRD-PARTY.md').split(/^## /m)
  for (const name of bundled) {
    test(name, () => {
      const folder = join('node_modules', name)
      const { version, license, author } = JSON.parse(read(join(folder, 'package.json')))
      const section = sections.find((text) => text.startsWith(`${name} ${version}\n`))
      assert.ok(section, `no section "${name} ${version}"`)
      const file = readdirSync(join(top, folder)).find((path) => /^licen[sc]e/i.test(path))
      if (file !== undefined) {
        assert.ok(words(section).includes(words(read(join(folder, file)))), section)
        return
      }
      // netrc-parser has no such file.
      assert.ok(section.includes(`> ${license} License\n`), section)
      assert.ok(section.includes(`> Copyright (c) ${author.replace(/ \(.*/, '')}\n`), section)
      assert.match(section, /^> THE SOFTWARE IS PROVIDED "AS IS"/m)
    })
  }

  test('and lists no other', () => {
    const listed = sections.map((text) => /^(\S+) \d\S*\n/.exec(text)?.[1])
    const names = listed.filter((name) => name !== undefined && name !== 'llhttp-wasm')
    assert.deepEqual(names, bundled)
  })
})

test('the bundled netrc-parser starts no process', async () => {
  const { vendor } = await import(new URL('../../../scripts/vendor.mjs', import.meta.url).href)
  const { code } = await vendor('netrc-parser')
  const withClass = `${code}\nexport const { Netrc } = require_netrc()`
  const { Netrc } = await import(`data:text/javascript,${encodeURIComponent(withClass)}`)
  const netrc = new Netrc('secrets.gpg')
  const refused = { message: 'Hawser does not start a process to decrypt a netrc file' }
  assert.throws(() => netrc.loadSync(), refused)
  await assert.rejects(netrc.load(), refused)
})
