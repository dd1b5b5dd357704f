// Tests the packages that are bundled with Hawser: their licences are published, and none starts
// gpg.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')

/** The list that the build wrote when it created `dist/lib`. */
const bundled: string[] = JSON.parse(read('dist/lib/.bundled'))

/** Removes quotation marks of Markdown, and normalises whitespace. */
const normalized = (text: string) => text.replace(/^> ?/gm, '').replace(/\s+/g, ' ').trim()

test('the expected packages are bundled', () => {
  for (const name of [
    'cli-progress',
    'commander',
    'eventsource-parser',
    'mime-types',
    'netrc-parser',
    'picocolors',
  ])
    assert.ok(bundled.includes(name), name)
})

describe('native/THIRD-PARTY.md contains the version and licence of the bundled package', () => {
  const sections = read('native/THIRD-PARTY.md').split(/^## /m)
  for (const name of bundled) {
    test(name, () => {
      const folder = join('node_modules', name)
      const { version, license, author } = JSON.parse(read(join(folder, 'package.json')))
      const section = sections.find((text) => text.startsWith(`${name} ${version}\n`))
      assert.ok(section, `no section "${name} ${version}"`)
      const file = readdirSync(join(top, folder)).find((path) => /^licen[sc]e/i.test(path))
      if (file !== undefined) {
        assert.ok(normalized(section).includes(normalized(read(join(folder, file)))), section)
        return
      }
      // netrc-parser has no licence file.
      assert.ok(section.includes(`> ${license} License\n`), section)
      assert.ok(section.includes(`> Copyright (c) ${author.replace(/ \(.*/, '')}\n`), section)
      assert.match(section, /^> THE SOFTWARE IS PROVIDED "AS IS"/m)
    })
  }

  test('and no other package', () => {
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
