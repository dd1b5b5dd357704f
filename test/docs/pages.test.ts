import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { closeReasons } from '../../src/connection/close-reason.ts'
import { connectionEvents, deliveryEvents, sendingEvents } from '../../src/connection/states.ts'
import { events, phases } from '../../src/models/events.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (page: string) => readFileSync(join(top, page), 'utf8')

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'bench/README.md',
  'native/README.md',
  'native/THIRD-PARTY.md',
  ...readdirSync(join(top, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

test('every page with examples has a file that tests them', () => {
  const tested = readdirSync(join(top, 'test/docs')).map((name) => read(`test/docs/${name}`))
  for (const page of pages) {
    if (!/^```ts$/m.test(read(page))) continue
    assert.ok(
      tested.some((text) => text.includes(`testExamples('${page}')`)),
      `nobody tests the examples of ${page}`,
    )
  }
})

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

for (const page of pages) {
  test(`the links of ${page} lead somewhere`, () => {
    for (const [, link] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue
      const [path, anchor] = link!.split('#')
      const target = path === '' ? page : join(dirname(page), path!)
      assert.ok(existsSync(join(top, target)), `${link} is not there`)
      if (anchor === undefined) continue
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchorOf(text!))
      assert.ok(headings.includes(anchor), `${link}: there is no such heading`)
    }
  })
}

/** Files and folders of the checkout; pages write them whole, or only the end of their path. */
const paths = ['src', 'native', 'scripts', 'test', 'bench', 'docs'].flatMap((folder) => [
  `${folder}/`,
  ...readdirSync(join(top, folder), { recursive: true, withFileTypes: true }).map((entry) => {
    const path = relative(top, join(entry.parentPath, entry.name)).replaceAll('\\', '/')
    return entry.isDirectory() ? `${path}/` : path
  }),
])

/** Folders that commands create. */
const GENERATED = /^(?:dist|docs\/api|\.runtimes|\.reference)\//

for (const page of ['docs/architecture.md', 'CONTRIBUTING.md', 'native/README.md']) {
  test(`the files and folders that ${page} names exist`, () => {
    const named = read(page).matchAll(/`([\w./-]+(?:\.(?:ts|mjs|wat)|\/))`/g)
    for (const [, name = ''] of named) {
      if (GENERATED.test(name)) continue
      assert.ok(
        paths.some((path) => `/${path}`.endsWith(`/${name}`)),
        `${name} does not exist`,
      )
    }
  })
}

test('docs/engine.md has the reasons why connections end', () => {
  const rows = Object.entries(closeReasons).map(([name, why]) => `| \`${name}\` | ${why} |`)
  const table = ['| reason | |', '| --- | --- |', ...rows, ''].join('\n')
  assert.ok(read('docs/engine.md').includes(table), `This belongs there:\n${table}`)
})

for (const [what, label, table] of [
  ['events', 'event', events],
  ['phases', 'phase', phases],
] as const) {
  test(`docs/engine.md has the ${what}`, () => {
    const rows = Object.entries(table).map(([name, text]) => `| \`${name}\` | ${text} |`)
    const expected = [`| ${label} | |`, '| --- | --- |', ...rows, ''].join('\n')
    assert.ok(read('docs/engine.md').includes(expected), `This belongs there:\n${expected}`)
  })
}

test('the worked examples stand in the pages as they are', () => {
  const shown = read('docs/engine.md') + read('docs/fetch.md')
  for (const name of readdirSync(join(top, 'docs/examples'))) {
    const text = read(`docs/examples/${name}`)
    assert.ok(shown.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${name} is another`)
  }
  const lines = read('docs/examples/reverse-proxy.ts').trimEnd().split('\n').length
  assert.ok(lines <= 60, `the proxy has ${lines} lines, and not sixty`)
})

type Events = Readonly<Record<string, Readonly<Record<string, string>>>>

const machines: readonly [what: string, first: string, events: Events][] = [
  ['a connection', 'idle', connectionEvents],
  ['sending', 'sent', sendingEvents],
  ['delivery', 'flowing', deliveryEvents],
]

for (const [what, first, events] of machines) {
  test(`docs/engine.md draws the states of ${what}`, () => {
    const id = (state: string) => state.replaceAll('-', '_') // Mermaid allows no hyphen
    const arrows = Object.entries(events).flatMap(([event, transitions]) =>
      Object.entries(transitions).map(([from, to]) => `  ${id(from)} --> ${id(to)}: ${event}`),
    )
    const start = `  [*] --> ${first}`
    const drawing = ['```mermaid', 'stateDiagram-v2', start, ...arrows, '```'].join('\n')
    assert.ok(read('docs/engine.md').includes(drawing), `This belongs there:\n${drawing}`)
  })
}

test('CONTRIBUTING.md names every package of ours', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const table = read('CONTRIBUTING.md')
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (name.startsWith('@types/')) continue
    assert.match(table, new RegExp(`^\\| .*\`${name}\`.* \\| `, 'm'), `${name} is missing`)
  }
})
