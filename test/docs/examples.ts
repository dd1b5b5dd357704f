// Compiles and runs every `ts` and `js` block of pages. A block must end without an error, and print
// the text of each comment after a `console.log`. A `js` block must also be valid TypeScript, and
// runs unchanged. The blocks of a page share a process, because starting one takes most of their
// time. If that process fails, or the output of a block differs, the block runs again in its own
// process, and that result counts.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { GuideServers } from './guide-servers.ts'
import { startGuideServers } from './guide-servers.ts'
import { runNode } from './process.ts'
import type { ExampleServers } from './server.ts'
import { startExampleServers } from './server.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const runner = fileURLToPath(new URL('example-runner.js', import.meta.url))
/** In ms. A page takes a few seconds. */
const PAGE_TIMEOUT = 20_000

interface Example {
  readonly page: string
  readonly line: number
  readonly language: 'js' | 'ts'
  readonly text: string
  /** The name of its file, without extension. */
  readonly name: string
}

/**
 * Returns the examples of a page. A `ts` block without an import continues the first block of its
 * page. A `js` block without an import is not an example: for instance, the settings of a tool.
 */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(top, page), 'utf8')
  const blocks = [...text.matchAll(/^```([jt]s)\n(.*?)^```$/gms)].filter(
    ([, language, block = '']) => language === 'ts' || isModule(block),
  )
  const first = blocks[0]?.[2] ?? ''
  return blocks.map(({ 1: language, 2: block = '', index }, i) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language: language as 'js' | 'ts',
    text: isModule(block) ? block : first + block,
    name: `${page.replace(/\W/g, '-')}-${i}`,
  }))
}

function isModule(block: string): boolean {
  return /^import /m.test(block)
}

function expectedLines({ text }: Example): string[] {
  return [...text.matchAll(/console\.log\(.*\)\)?\)?;?,? \/\/ (.+)$/gm)].map(([, line]) => line!)
}

/**
 * Tests the examples of pages. They are distributed over several test files, because a test file
 * has a time limit.
 */
export function testExamples(...pages: string[]): void {
  describe(`examples of ${pages.join(', ')}`, { concurrency: 4 }, () => {
    const examples = pages.flatMap(examplesOf)
    // The folder is inside dist, where Node and the compiler resolve `hawser` as for a user.
    const folder = mkdtempSync(join(dirname(fileURLToPath(import.meta.url)), 'examples-'))
    let servers: ExampleServers
    let guide: GuideServers
    /** The addresses in the pages, and those of the test servers that replace them. */
    let addresses: readonly (readonly [written: string, real: string])[]
    let compilerOutput: string
    /** The outputs in the shared process, by name of the example. */
    let outputs: Record<string, string> = {}

    before(async () => {
      servers = await startExampleServers()
      for (const [name, content] of Object.entries(servers.files)) {
        writeFileSync(join(folder, name), content)
      }
      guide = await startGuideServers(folder)
      addresses = [...servers.addresses, ...guide.addresses]
      for (const { name, text } of examples) {
        writeFileSync(join(folder, `${name}.mts`), `${asTested(text)}\nexport {}\n`)
      }
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2023'],
        types: ['node'],
        strict: true,
        rootDir: '.',
        skipLibCheck: false, // Some users check the declarations of their packages.
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
      const compiler = join(top, 'node_modules/typescript/bin/tsc')
      compilerOutput = (await runNode(compiler, ['-p', folder])).stdout
      for (const { name, language, text } of examples) {
        if (language === 'js') writeFileSync(join(folder, `${name}.mjs`), asTested(text))
      }
      for (const page of pages) {
        const names = examples.filter((example) => example.page === page).map(({ name }) => name)
        const shared = await runNode(runner, [folder, ...names], folder, PAGE_TIMEOUT)
        if (shared.code === 0 && shared.stderr === '') {
          outputs = { ...outputs, ...JSON.parse(shared.stdout) }
        }
      }
    })

    /** Replaces the addresses of the pages by those of the test servers. */
    function asTested(text: string): string {
      return addresses.reduce((all, [written, real]) => all.replaceAll(written, real), text)
    }

    /** Replaces the addresses of the test servers by those of the pages. */
    function asWritten(output: string): string {
      return addresses.reduce((all, [written, real]) => all.replaceAll(real, written), output)
    }

    after(() => {
      servers.close()
      guide.close()
      rmSync(folder, { recursive: true })
    })

    for (const example of examples) {
      test(`${example.page}:${example.line}`, async () => {
        const expected = expectedLines(example)
        const shared = outputs[example.name]
        if (shared !== undefined) {
          const lines = asWritten(shared).split('\n')
          if (expected.every((line) => lines.includes(line))) return
        }
        const outcome = await runNode(join(folder, `${example.name}.mjs`), [], folder)
        assert.equal(outcome.stderr, '')
        assert.equal(outcome.code, 0)
        const lines = asWritten(outcome.stdout).split('\n')
        for (const line of expected) {
          assert.ok(lines.includes(line), `${JSON.stringify(line)} is not in\n${outcome.stdout}`)
        }
      })
    }

    test('compile without skipLibCheck', () => {
      assert.equal(compilerOutput, '')
    })

    test('use each proxy that they name', () => {
      const text = examples.map((example) => example.text).join()
      for (const { url, targets } of servers.proxies) {
        const [written] = servers.addresses.find(([, real]) => real.endsWith(new URL(url).host))!
        if (text.includes(written)) assert.ok(targets.length > 0, written)
      }
      if (text.includes('localhost:3128')) {
        const methods = guide.proxied.map((line) => line.split(' ')[0])
        assert.ok(methods.includes('GET') && methods.includes('CONNECT'), guide.proxied.join())
      }
    })

    test('contain expected output', () => {
      const expected = examples.flatMap(expectedLines)
      assert.ok(expected.length > 2, `only ${expected.length} lines of expected output`)
    })
  })
}
