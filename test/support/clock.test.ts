import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))

/** Returns the lines of `text` that Biome reports, with this configuration, in a file at `path`. */
function reportedLines(path: string, text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-clock-'))
  try {
    for (const file of ['biome.json', 'test/support/clock.grit']) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      copyFileSync(join(top, file), join(folder, file))
    }
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    const biome = join(top, 'node_modules/@biomejs/biome/bin/biome')
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [biome, 'lint', '--vcs-enabled=false', '--colors=off', '--max-diagnostics=none'],
      { cwd: folder, encoding: 'utf8' },
    )
    assert.match(stdout, /^Checked /m, stderr)
    const lines = [...stderr.matchAll(/^\s*> (\d+) │/gm)].map(([, line]) => Number(line))
    return [...new Set(lines)].sort((a, b) => a - b).map((line) => text.split('\n')[line - 1]!)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const forbidden = [
  'Date.now()',
  'new Date()',
  'Date()',
  'process.nextTick(f)',
  'process.hrtime()',
  'process.hrtime.bigint()',
  'AbortSignal.timeout(1)',
  'setTimeout(f, 1)',
  'clearTimeout(f)',
  'setInterval(f, 1)',
  'clearInterval(f)',
  'setImmediate(f)',
  'clearImmediate(f)',
  'queueMicrotask(f)',
  'performance.now()',
  'globalThis.setTimeout(f, 1)',
  'globalThis.performance.now()',
]
const allowed = ['new Date(0)', "Date.parse('')", 'process.env', "f('Date.now()')"]

const toExports = (expressions: string[]) =>
  expressions.map((e, i) => `export const v${i} = ${e}\n`)
const text = toExports([...forbidden, ...allowed]).join('')

test('Biome reports clocks, timers and queues of the runtime outside of src/backends/', () => {
  assert.deepEqual(
    reportedLines('src/pool/example.ts', text),
    toExports(forbidden).map((line) => line.trimEnd()),
  )
})

test('Biome permits them in src/backends/', () => {
  assert.deepEqual(reportedLines('src/backends/example.ts', text), [])
})
