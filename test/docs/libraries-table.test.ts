// The table of libraries in docs/fetch.md is the one that `npm run test:libraries` prints.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { libraryTable } from '../modern/libraries/table.ts'
import { ROOT } from '../support/separate-packages.ts'

test('docs/fetch.md contains the table of npm run test:libraries', () => {
  const table = libraryTable()
  const page = readFileSync(join(ROOT, 'docs/fetch.md'), 'utf8')
  assert.ok(page.includes(`\n\n${table}\n`), `docs/fetch.md must contain:\n${table}`)
})
