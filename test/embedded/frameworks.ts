// Configurations and tests for Jest and vitest, and their reports.
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export const DOM_ENVIRONMENTS = ['node', 'jsdom', 'happy-dom'] as const
export const TIMERS = ['real timers', 'fake timers'] as const

export type Framework = 'jest' | 'vitest'

/** The paths that Jest must not transform, if it loads CommonJS. */
export const FOR_JEST = '/node_modules/(?!hawser/)'

/** One test file: the globals of its environment, and its timers. */
export interface FrameworkCell {
  readonly environment: (typeof DOM_ENVIRONMENTS)[number]
  readonly timers: (typeof TIMERS)[number]
}

/** The part of the JSON reports of both frameworks that is used. */
interface Report {
  readonly testResults: readonly {
    /** The path of the test file. */
    readonly name: string
    readonly message?: string
    readonly assertionResults: readonly { readonly failureMessages?: readonly string[] }[]
  }[]
}

const JEST_ENVIRONMENTS: Record<FrameworkCell['environment'], string> = {
  node: 'node',
  jsdom: 'jsdom',
  'happy-dom': '@happy-dom/jest-environment',
}

/** Writes a configuration and the test files into a project. */
export function writeTests(
  folder: string,
  framework: Framework,
  module: 'esm' | 'cjs',
  cells: readonly FrameworkCell[],
): void {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  for (const cell of cells) write(fileOf(cell), testText(framework, cell))
  if (framework === 'vitest') {
    const projects = cells.map((cell) => ({
      test: { name: fileOf(cell), environment: cell.environment, include: [fileOf(cell)] },
    }))
    write('vitest.config.js', `export default { test: { projects: ${JSON.stringify(projects)} } }`)
    return
  }
  const projects = cells.map((cell) => ({
    rootDir: folder,
    displayName: fileOf(cell),
    testMatch: [`<rootDir>/${fileOf(cell)}`],
    testEnvironment: JEST_ENVIRONMENTS[cell.environment],
    fakeTimers: { enableGlobally: cell.timers === 'fake timers' },
    ...(module === 'cjs' ? { transformIgnorePatterns: [FOR_JEST] } : { transform: {} }),
  }))
  write('jest.config.json', JSON.stringify({ projects }))
  if (module === 'cjs') {
    const presets = [['@babel/preset-env', { targets: { node: 'current' } }]]
    write('babel.config.json', JSON.stringify({ presets }))
  }
}

/** Returns the failures of each cell from the report of the framework. */
export function readReport(path: string, cell: FrameworkCell): string[] {
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Report
  const result = testResults.find(({ name }) => basename(name) === fileOf(cell))
  if (result === undefined) return ['the test file did not run']
  const failures = result.assertionResults.flatMap(({ failureMessages }) => failureMessages ?? [])
  if (result.assertionResults.length === 0) failures.push(result.message ?? 'no test')
  return failures
}

function fileOf({ environment, timers }: FrameworkCell): string {
  return `${environment}-${timers.replace(' ', '-')}.test.js`
}

function testText(framework: Framework, { timers }: FrameworkCell): string {
  const isVitest = framework === 'vitest'
  // Jest has its fake timers from its configuration, before it loads anything.
  const fakes = isVitest && timers === 'fake timers' ? 'vi.useFakeTimers()' : ''
  return `${isVitest ? "import { expect, test, vi } from 'vitest'" : ''}
import { failedChecks } from './scenario.js'
${fakes}
test('the checks', async () => {
  expect(await failedChecks(process.env.HAWSER_SERVER)).toEqual([])
}, 60_000)
`
}
