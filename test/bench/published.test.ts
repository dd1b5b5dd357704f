import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { figuresFromJsonLines } from '../../bench/figures.ts'
import { filesOf, layersIn, published, updateReadme } from '../../bench/report/write.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')
const lines = join(published.folder, 'figures.jsonl')
const skip = !existsSync(join(top, lines)) && 'no figures are published'
const howToUpdate = `To update it: npm run bench -- --from ${lines} --publish`

test('the published report is up to date with its figures', { skip }, () => {
  const layers = layersIn(join(top, published.folder))
  for (const [name, text] of filesOf(figuresFromJsonLines(read(lines)), layers)) {
    assert.ok(read(join(published.folder, name)) === text, `${name} is out of date. ${howToUpdate}`)
  }
})

test('the summary in the README is up to date with the published figures', { skip }, () => {
  const readme = read(published.readme)
  assert.ok(
    updateReadme(figuresFromJsonLines(read(lines)), readme) === readme,
    `It is out of date. ${howToUpdate}`,
  )
})
