// Checks that the documentation describes every public option, and every public member of a
// response, in a table.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')

/** The declarations of options, and the page with the table that lists them. */
const declarations: Readonly<Record<string, readonly [file: string, page: string]>> = {
  ClientOptions: ['src/client/options.ts', 'docs/guide/clients.md'],
  SharedOptions: ['src/client/options.ts', 'docs/guide/requests.md'],
  CallOptions: ['src/client/options.ts', 'docs/guide/requests.md'],
  SendOptions: ['src/client/options.ts', 'docs/guide/requests.md'],
  EventHooks: ['src/client/options.ts', 'docs/guide/hooks.md'],
  ContentBody: ['src/content/body-options.ts', 'docs/guide/requests.md'],
  JsonBody: ['src/content/body-options.ts', 'docs/guide/requests.md'],
  FormBody: ['src/content/body-options.ts', 'docs/guide/requests.md'],
  RequestInit: ['src/client/request.ts', 'docs/guide/requests.md'],
  JSONOptions: ['src/client/response.ts', 'docs/guide/responses.md'],
  RecordSizeOptions: ['src/content/json-records.ts', 'docs/guide/responses.md'],
  EventStreamOptions: ['src/content/event-stream.ts', 'docs/guide/responses.md'],
  TimeoutFields: ['src/models/timeout.ts', 'docs/guide/timeouts.md'],
  PoolLimits: ['src/models/limits.ts', 'docs/guide/timeouts.md'],
  HTTPProxyOptions: ['src/models/proxy.ts', 'docs/guide/proxies.md'],
  CookieScope: ['src/client/cookies/cookie-scope.ts', 'docs/guide/cookies.md'],
  AppSettings: ['src/dispatch/apps/app-dispatcher.ts', 'docs/guide/apps.md'],
  AppDispatcherOptions: ['src/dispatch/apps/app-dispatcher.ts', 'docs/guide/apps.md'],
  MockResponse: ['src/dispatch/in-process/mock-dispatcher.ts', 'docs/guide/apps.md'],
  PublicAddressesOptions: ['src/backends/public-addresses.ts', 'docs/guide/clients.md'],
  ConnectFacts: ['src/models/route.ts', 'docs/guide/clients.md'],
  Init: ['src/fetch/fetch-call.ts', 'docs/fetch.md'],
  PoolOptions: ['src/pool/pool-options.ts', 'docs/engine.md'],
  DispatchRequest: ['src/models/request.ts', 'docs/engine.md'],
}

/** The text of a declaration, which contains no blank line. */
function declarationOf(name: string, file: string): string {
  const found = new RegExp(`^(?:export )?(?:interface|type) ${name}\\b.*?(?=\\n\\n|$(?![^]))`, 'ms')
  const [text] = found.exec(read(file)) ?? []
  assert.ok(text, `${file} has no declaration ${name}`)
  return text
}

function optionsIn(declaration: string): string[] {
  return [...declaration.matchAll(/\breadonly (\w+)\??:/g)].map(([, name]) => name!)
}

/** The names in the first columns of the tables of a page. */
function namesInTables(page: string): Set<string> {
  const cells = [...read(page).matchAll(/^\| ([^|]*) \|/gm)].map(([, cell]) => cell!)
  return new Set(
    cells.flatMap((cell) => [...cell.matchAll(/`(\w+)[`(]/g)].map(([, name]) => name!)),
  )
}

function assertListed(page: string, names: readonly string[]): void {
  assert.ok(names.length > 0)
  const listed = namesInTables(page)
  assert.deepEqual(
    names.filter((name) => !listed.has(name)),
    [],
    `no table of ${page} lists these`,
  )
}

describe('options in the documentation', () => {
  for (const [name, [file, page]] of Object.entries(declarations)) {
    test(`${page} lists the members of ${name}`, () => {
      assertListed(page, optionsIn(declarationOf(name, file)))
    })
  }

  test('docs/fetch.md lists the options of createFetch', () => {
    const [, names = ''] = /OPTION_NAMES = \[(.*?)\]/s.exec(read('src/fetch/fetcher.ts')) ?? []
    assertListed(
      'docs/fetch.md',
      [...names.matchAll(/'(\w+)'/g)].map(([, name]) => name!),
    )
  })

  test('docs/guide/responses.md lists the public members of Response', () => {
    const members = read('src/client/response.ts').matchAll(
      /(@internal\s+\*\/|\*\/)\n {2}(?:get |async \*?)?([a-z]\w*)[<(]/g,
    )
    const names = [...members].filter(([, end]) => end === '*/').map(([, , name]) => name!)
    assertListed('docs/guide/responses.md', names)
  })

  test('every exported interface with options has a page', () => {
    const sources = readdirSync(join(top, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `src/${name.replaceAll('\\', '/')}`)
    const entries = ['index', 'engine', 'fetch/index'].map((name) => read(`src/${name}.ts`)).join()
    const exported = new Set(
      entries.match(/\b[A-Z]\w+(?:Options|Init|Fields|Limits|Hooks|Scope)\b/g),
    )
    for (const name of exported) {
      const found = new RegExp(`^export interface ${name}\\b`, 'm')
      const file = sources.find((source) => found.test(read(source)))
      const hasOptions = file !== undefined && optionsIn(declarationOf(name, file)).length > 0
      assert.ok(!hasOptions || name in declarations, `${name} has no page in this test`)
    }
  })
})
