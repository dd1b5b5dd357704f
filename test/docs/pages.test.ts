import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectionEvents, deliveryEvents, sendingEvents } from '../../src/connection/states.ts'
import { closeReasons } from '../../src/models/close-reasons.ts'
import { events, phases } from '../../src/models/events.ts'
import { FOR_JEST } from '../embedded/frameworks.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (page: string) => readFileSync(join(top, page), 'utf8')

/** The pages of a folder and its subfolders, as paths in the checkout. */
function pagesIn(folder: string): string[] {
  return readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
}

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'bench/README.md',
  'test/README.md',
  'test/wire/README.md',
  ...pagesIn('native'),
  ...pagesIn('docs'),
]

test('every page with examples has a file that tests them', () => {
  const tested = readdirSync(join(top, 'test/docs'))
    .map((name) => read(`test/docs/${name}`))
    .filter((text) => text.includes('testExamples('))
  for (const page of pages) {
    if (!/^```(?:ts$|js\nimport )/m.test(read(page))) continue
    assert.ok(
      tested.some((text) => text.includes(`'${page}'`)),
      `no test file runs the examples of ${page}`,
    )
  }
})

test('every example of the guide can be run as it stands', () => {
  for (const page of pagesIn('docs/guide')) {
    for (const [, block = ''] of read(page).matchAll(/^```[jt]s\n(.*?)^```$/gms)) {
      assert.match(block, /^import .* from 'hawser/m, `${page} has an example without imports`)
    }
  }
})

/** The targets of the relative links of a page, as paths in the checkout, and the links. */
function linksOf(page: string): { link: string; target: string; anchor: string | undefined }[] {
  return [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^https?:/.test(link))
    .map((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path).replaceAll('\\', '/')
      return { link, target, anchor }
    })
}

test('every page is linked from README.md, directly or through other pages', () => {
  const found = new Set(['README.md'])
  for (const page of found) {
    for (const { target } of linksOf(page)) if (pages.includes(target)) found.add(target)
  }
  assert.deepEqual(
    pages.filter((page) => !found.has(page)),
    [],
  )
})

/** The anchor that GitHub creates for a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

for (const page of pages) {
  test(`the links of ${page} are valid`, () => {
    for (const { link, target, anchor } of linksOf(page)) {
      assert.ok(existsSync(join(top, target)), `${link} does not exist`)
      if (anchor === undefined) continue
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchorOf(text!))
      assert.ok(headings.includes(anchor), `${link}: this heading does not exist`)
    }
  })
}

/** Paths of files and folders in the checkout. Pages contain the whole path or its end. */
const paths = ['src', 'native', 'scripts', 'test', 'bench', 'docs'].flatMap((folder) => [
  `${folder}/`,
  ...readdirSync(join(top, folder), { recursive: true, withFileTypes: true }).map((entry) => {
    const path = relative(top, join(entry.parentPath, entry.name)).replaceAll('\\', '/')
    return entry.isDirectory() ? `${path}/` : path
  }),
])

/** Folders that commands create. */
const GENERATED = /^(?:dist|docs\/api|\.runtimes|\.modern|\.typescript|\.embedded|\.reference)\//

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

test('docs/engine.md lists the reasons why connections end', () => {
  const rows = Object.entries(closeReasons).map(([name, why]) => `| \`${name}\` | ${why} |`)
  const table = ['| reason | |', '| --- | --- |', ...rows, ''].join('\n')
  assert.ok(read('docs/engine.md').includes(table), `docs/engine.md must contain:\n${table}`)
})

for (const [what, label, table] of [
  ['events', 'event', events],
  ['phases', 'phase', phases],
] as const) {
  test(`docs/engine.md lists the ${what}`, () => {
    const rows = Object.entries(table).map(([name, text]) => `| \`${name}\` | ${text} |`)
    const expected = [`| ${label} | |`, '| --- | --- |', ...rows, ''].join('\n')
    assert.ok(
      read('docs/engine.md').includes(expected),
      `docs/engine.md must contain:\n${expected}`,
    )
  })
}

test('the pages contain the files of docs/examples unchanged', () => {
  const shown = read('docs/engine.md') + read('docs/fetch.md')
  for (const name of readdirSync(join(top, 'docs/examples'))) {
    const text = read(`docs/examples/${name}`)
    assert.ok(shown.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${name} differs from the page`)
  }
  const lines = read('docs/examples/reverse-proxy.ts').trimEnd().split('\n').length
  assert.ok(lines <= 60, `the proxy has ${lines} lines, more than 60`)
})

type Events = Readonly<Record<string, Readonly<Record<string, string>>>>

const machines: readonly [what: string, first: string, events: Events][] = [
  ['a connection', 'idle', connectionEvents],
  ['sending', 'sent', sendingEvents],
  ['delivery', 'flowing', deliveryEvents],
]

for (const [what, first, events] of machines) {
  test(`docs/engine.md contains the state diagram of ${what}`, () => {
    const id = (state: string) => state.replaceAll('-', '_') // Mermaid does not allow hyphens.
    const arrows = Object.entries(events).flatMap(([event, transitions]) =>
      Object.entries(transitions).map(([from, to]) => `  ${id(from)} --> ${id(to)}: ${event}`),
    )
    const start = `  [*] --> ${first}`
    const drawing = ['```mermaid', 'stateDiagram-v2', start, ...arrows, '```'].join('\n')
    assert.ok(read('docs/engine.md').includes(drawing), `docs/engine.md must contain:\n${drawing}`)
  })
}

test('docs/embedding.md gives the line for Jest that npm run test:embedded uses', () => {
  assert.ok(read('docs/embedding.md').includes(`\n  transformIgnorePatterns: ['${FOR_JEST}'],\n`))
})

test('CONTRIBUTING.md lists every dependency', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const table = read('CONTRIBUTING.md')
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (name.startsWith('@types/')) continue
    assert.match(table, new RegExp(`^\\| .*\`${name}\`.* \\| `, 'm'), `${name} is missing`)
  }
})
