import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { figuresToJsonLines } from '../../bench/figures.ts'
import { figures, outcome, sample, small } from './samples.ts'

const command = fileURLToPath(new URL('../../bench/run.js', import.meta.url))

function run(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', timeout: 30_000 })
}

test('--publish and --from need all workloads', () => {
  for (const selection of [['--quick'], ['--only', 'get-65b'], ['--contestants', 'got']]) {
    for (const option of [['--publish'], ['--from', 'figures.jsonl']]) {
      const { status, stderr } = run(...option, ...selection)
      assert.equal(status, 1)
      assert.match(stderr, new RegExp(`^${option[0]} needs all workloads`))
    }
  }
})

test('--publish fails before measuring if README.md has no markers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  try {
    writeFileSync(join(folder, 'README.md'), '# A\n')
    const args = { encoding: 'utf8', timeout: 30_000, cwd: folder } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, '--publish'], args)
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /^README\.md has no <!-- bench --> \.\.\. <!-- \/bench -->/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('--publish writes the summary to README.md, and the charts that it refers to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  try {
    writeFileSync(join(folder, 'README.md'), '# A\n<!-- bench --><!-- /bench -->\n')
    writeFileSync(join(folder, 'figures.jsonl'), figuresToJsonLines(figures(small)))
    const options = { encoding: 'utf8', timeout: 30_000, cwd: folder } as const
    const args = [command, '--publish', '--from', 'figures.jsonl']
    assert.equal(spawnSync(process.execPath, args, options).status, 0)
    const readme = readFileSync(join(folder, 'README.md'), 'utf8')
    const [, image] = /\]\((docs\/bench\/[\w-]+\.svg)\)/.exec(readme) ?? []
    assert.match(readFileSync(join(folder, image!), 'utf8'), /^<svg /)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('invalid options fail before anything is measured', () => {
  const cases: [string[], RegExp][] = [
    [['--only', 'get-66b'], /Unknown workload: get-66b/],
    [['--rounds', 'many'], /--rounds: expected a number above 0 and below 1000, got many/],
    [['--seconds', '0'], /--seconds: expected a number above 0 and below 1000, got 0/],
    [['--server', 'apache'], /--server: expected nginx or embedded, got apache/],
    [['--fast'], /'--fast'/],
  ]
  for (const [args, message] of cases) {
    const { status, stderr, stdout } = run(...args)
    assert.equal(status, 1, args.join(' '))
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

test('--from recreates a report; --strict and failures determine the exit status', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  const file = join(folder, 'figures.jsonl')
  const report = join(folder, 'report')
  const slow = outcome('get-65b', {
    'hawser-request': [sample(100, 1)],
    'undici-request': [sample(100, 1)],
  })
  const failed = outcome('get-65b', { got: [] }, { got: 'it hangs' })
  const cases = [
    { measured: small, args: ['--strict'], expected: 0 },
    { measured: slow, args: [], expected: 0 },
    { measured: slow, args: ['--strict'], expected: 1 },
    { measured: failed, args: [], expected: 1 },
  ]
  try {
    for (const { measured, args, expected } of cases) {
      writeFileSync(file, figuresToJsonLines(figures(measured)))
      const { status, stdout } = run('--from', file, '--report', report, ...args)
      assert.equal(status, expected, stdout)
      assert.ok(stdout.includes(`Report: ${join(report, 'README.md')}`))
      assert.equal(readFileSync(join(report, 'figures.jsonl'), 'utf8'), readFileSync(file, 'utf8'))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
