// Compiles and runs every `ts` block of a page. A block must end without an error, and print the
// text of each comment after a `console.log`. The blocks of a page share a process, because
// starting one takes most of their time. If that process fails, or the output of a block differs,
// the block runs again in its own process, and that result counts.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
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
  readonly text: string
  /** The name of its file, without extension. */
  readonly name: string
}

/** A block without an import continues the first block of its page. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(top, page), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
  const first = blocks[0]?.[1] ?? ''
  return blocks.map(({ 1: block = '', index }, i) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    text: /^import /m.test(block) ? block : first + block,
    name: `${page.replace(/\W/g, '-')}-${i}`,
  }))
}

function expectedLines({ text }: Example): string[] {
  return [...text.matchAll(/console\.log\(.*\)\)?\)?;?,? \/\/ (.+)$/gm)].map(([, line]) => line!)
}

/**
 * Tests the examples of a page. Each page has its own test file, because a test file has a time
 * limit.
 */
export function testExamples(page: string): void {
  describe(`examples of ${page}`, { concurrency: 4 }, () => {
    const examples = examplesOf(page)
    // The folder is inside dist, where Node and the compiler resolve `hawser` as for a user.
    const folder = mkdtempSync(join(dirname(fileURLToPath(import.meta.url)), 'examples-'))
    let servers: ExampleServers
    let compilerOutput: string
    /** The outputs in the shared process, by name of the example. */
    let outputs: Record<string, string> = {}

    before(async () => {
      servers = await startExampleServers()
      for (const [name, content] of Object.entries(servers.files)) {
        writeFileSync(join(folder, name), content)
      }
      for (const { name, text } of examples) {
        let local = text
        for (const [written, real] of servers.addresses) local = local.replaceAll(written, real)
        writeFileSync(join(folder, `${name}.mts`), `${local}\nexport {}\n`)
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
      const names = examples.map(({ name }) => name)
      const shared = await runNode(runner, [folder, ...names], folder, PAGE_TIMEOUT)
      if (shared.code === 0 && shared.stderr === '') outputs = JSON.parse(shared.stdout)
    })

    /** Replaces the addresses of the test servers by those of the page. */
    function asWritten(output: string): string {
      let text = output
      for (const [written, real] of servers.addresses) text = text.replaceAll(real, written)
      return text
    }

    after(() => {
      servers.close()
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
    })

    test('contain expected output', () => {
      const expected = examples.flatMap(expectedLines)
      assert.ok(expected.length > 2, `only ${expected.length} lines of expected output`)
    })
  })
}
