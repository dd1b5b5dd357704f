// Checks that the mutation table fits the sources. `npm run test:mutations` makes the mistakes.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { marksOf } from './marks.ts'
import { mutated, mutations, top } from './mutation.ts'

for (const mutation of mutations) {
  const { marks, mistake, file, find, replace, tests } = mutation
  test(`${marks}: ${mistake}: can be made in ${file}`, () => {
    const attempt = mutated(mutation)
    assert.ok('text' in attempt, 'why' in attempt ? attempt.why : '')
    assert.notEqual(find, replace)
    assert.deepEqual(marksOf(`${marks} a title`), marks.split(', '))
    assert.ok(tests.length > 0)
    for (const name of tests) {
      assert.ok(existsSync(join(top, 'test', `${name}.test.ts`)), `${name} does not exist`)
    }
  })
}

test('no mistake occurs twice', () => {
  const made = mutations.map(({ file, find, replace }) => JSON.stringify([file, find, replace]))
  const twice = made.filter((one, i) => made.indexOf(one) !== i)
  // A failed dial that keeps its slot concerns two hazards, which different tests cover.
  assert.deepEqual(
    twice.filter((one) => !one.includes('dial-failed')),
    [],
  )
})

test('each hazard has at least one mistake', () => {
  const had = new Set(mutations.flatMap(({ marks }) => marks.split(', ')))
  const missing = Array.from({ length: 39 }, (_, i) => `${i + 1}`).filter((mark) => !had.has(mark))
  assert.deepEqual(missing, [])
})

const titles: readonly [title: string, marks: readonly string[]][] = [
  ['24 a title', ['24']],
  ['R6, 23 a title', ['R6', '23']],
  ['content-length: S8, 26 The same twice (1)', ['S8', '26']],
  ['9, 18: with a colon', ['9', '18']],
  ['a title', []],
  ['413 during the upload', []],
  ['100% of the body', []],
  ['R6x is not a mark', []],
]
for (const [title, marks] of titles) {
  test(`the marks of ${JSON.stringify(title)}`, () => assert.deepEqual(marksOf(title), marks))
}
