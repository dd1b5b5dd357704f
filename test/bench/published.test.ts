import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fromLines } from '../../bench/figures.ts'
import { filesOf, layersIn, published, quoted } from '../../bench/report/write.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')
const lines = join(published.folder, 'figures.jsonl')
const skip = !existsSync(join(top, lines)) && 'nothing is published'
const again = `To mend: npm run bench -- --from ${lines} --publish`

test('the published report is what the bench makes of its figures', { skip }, () => {
  const layers = layersIn(join(top, published.folder))
  for (const [name, text] of filesOf(fromLines(read(lines)), layers)) {
    assert.ok(read(join(published.folder, name)) === text, `${name} is another. ${again}`)
  }
})

test('the README quotes what the bench makes of its figures', { skip }, () => {
  const readme = read(published.readme)
  assert.ok(quoted(fromLines(read(lines)), readme) === readme, `It is another. ${again}`)
})
