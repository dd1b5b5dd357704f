// The tables in test/README.md name the tests for each line of conformance and each hazard. This
// checks that the files exist and have tests with these numbers.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { marksOf } from '../mutations/marks.ts'
import { top } from '../mutations/mutation.ts'

const LINES = [...numbered('R', 14), ...numbered('S', 16), ...numbered('A', 6)]
/** Every hazard up to 39; of the later ones, those that have tests. */
const HAZARDS = numbered('', 39)
const LAST_HAZARD = 95

function numbered(letter: string, last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${letter}${i + 1}`)
}

interface Row {
  readonly mark: string
  readonly files: readonly string[]
}

/** The rows of the table under a heading. */
function rowsOf(heading: string): Row[] {
  const page = readFileSync(join(top, 'test/README.md'), 'utf8')
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| ([RSA]?\d+) \| .* \| ([^|]*) \|$/gm)].map(([, mark, files]) => ({
    mark: mark as string,
    files: [...(files as string).matchAll(/`([^`]+)`/g)].map(([, file]) => file as string),
  }))
}

/**
 * The marks in a file: those of headings in Markdown, and of every possible title in TypeScript.
 */
function marksIn(file: string): Set<string> {
  const text = readFileSync(join(top, 'test', file), 'utf8')
  const titles = text.matchAll(file.endsWith('.md') ? /^## (.+)$/gm : /['"`]([RSA\d][^'"`\n]*)/g)
  return new Set([...titles].flatMap(([, title]) => marksOf(title as string)))
}

for (const [heading, expected] of [
  ['Conformance', LINES],
  ['Hazards', HAZARDS],
] as const) {
  describe(`the table of ${heading.toLowerCase()}`, () => {
    const rows = rowsOf(heading)

    test('is complete', () => {
      const marks = rows.map(({ mark }) => mark)
      assert.deepEqual(marks.slice(0, expected.length), expected)
      const later = marks.slice(expected.length).map(Number)
      assert.deepEqual(
        later,
        [...new Set(later)].sort((a, b) => a - b),
        'not in numeric order',
      )
      const last = heading === 'Hazards' ? LAST_HAZARD : 0
      assert.ok(later.every((mark) => mark > 39 && mark <= last))
    })

    for (const { mark, files } of rows) {
      test(`${mark}: its files exist and have titles with its number`, () => {
        assert.ok(files.length > 0)
        for (const file of files) {
          assert.ok(existsSync(join(top, 'test', file)), `${file} does not exist`)
          assert.ok(marksIn(file).has(mark), `${file} has no title with ${mark}`)
        }
      })
    }
  })
}
