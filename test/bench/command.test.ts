import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { toLines } from '../../bench/figures.ts'
import { figures, outcome, sample, small } from './samples.ts'

const command = fileURLToPath(new URL('../../bench/run.js', import.meta.url))

function run(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', timeout: 30_000 })
}

test('figures of a part are not published, and a part of old ones not shown', () => {
  for (const part of [['--quick'], ['--only', 'get-65b'], ['--contestants', 'got']]) {
    for (const whole of [['--publish'], ['--from', 'figures.jsonl']]) {
      const { status, stderr } = run(...whole, ...part)
      assert.equal(status, 1)
      assert.match(stderr, new RegExp(`^${whole[0]} takes all figures`))
    }
  }
})

test('where the README has no place for figures, none are taken to be published', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  try {
    writeFileSync(join(folder, 'README.md'), '# A\n')
    const args = { encoding: 'utf8', timeout: 30_000, cwd: folder } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, '--publish'], args)
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /^no <!-- bench --> \.\.\. <!-- \/bench -->/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('published is what the README quotes, and the folder that it points to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  try {
    writeFileSync(join(folder, 'README.md'), '# A\n<!-- bench --><!-- /bench -->\n')
    writeFileSync(join(folder, 'figures.jsonl'), toLines(figures(small)))
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

test('what cannot be done is said before anything is measured', () => {
  const cases: [string[], RegExp][] = [
    [['--only', 'get-66b'], /no workload named get-66b/],
    [['--rounds', 'many'], /--rounds: not a positive number: many/],
    [['--seconds', '0'], /--seconds: not a positive number: 0/],
    [['--server', 'apache'], /--server: nginx or embedded, not apache/],
    [['--fast'], /'--fast'/],
  ]
  for (const [args, complaint] of cases) {
    const { status, stderr, stdout } = run(...args)
    assert.equal(status, 1, args.join(' '))
    assert.match(stderr, complaint)
    assert.equal(stdout, '')
  }
})

test('a report is made again of its figures; --strict and failures decide the exit status', () => {
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
      writeFileSync(file, toLines(figures(measured)))
      const { status, stdout } = run('--from', file, '--report', report, ...args)
      assert.equal(status, expected, stdout)
      assert.ok(stdout.includes(`The report, with charts: ${join(report, 'README.md')}`))
      assert.equal(readFileSync(join(report, 'figures.jsonl'), 'utf8'), readFileSync(file, 'utf8'))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
