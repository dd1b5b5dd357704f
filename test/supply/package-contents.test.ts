// Tests the contents of the published package and its dependencies. small-install.test.ts tests
// that it works.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')

/** Each file of the package must match one of these patterns. */
const ALLOWED_FILES = [
  /^package\.json$/,
  /^README\.md$/,
  /^CHANGELOG\.md$/,
  /^LICENSE$/,
  /^native\/(?:README|THIRD-PARTY)\.md$/,
  /^dist\/lib\/.+\.js$/,
  /^dist\/lib\/.+\.js\.map$/,
  /^dist\/src\/.+\.d\.ts$/,
]

function packedFiles(): string[] {
  const home = mkdtempSync(join(tmpdir(), 'hawser-pack-'))
  try {
    const args = ['pack', '--dry-run', '--ignore-scripts', '--json']
    const { status, stdout, stderr } = spawnSync('npm', args, {
      cwd: top,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: home },
    })
    assert.equal(status, 0, stderr)
    const [{ files }] = JSON.parse(stdout)
    return files.map(({ path }: { path: string }) => path)
  } finally {
    rmSync(home, { recursive: true })
  }
}

const packed = packedFiles()

test('the package contains only allowed files', () => {
  assert.deepEqual(
    packed.filter((path) => !ALLOWED_FILES.some((pattern) => pattern.test(path))),
    [],
  )
})

test('each pattern has a file, and each source except the command has its declarations', () => {
  for (const pattern of ALLOWED_FILES)
    assert.ok(
      packed.some((path) => pattern.test(path)),
      `${pattern}`,
    )
  const sources = readdirSync(join(top, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => /(?<!\.d)\.ts$/.test(path) && !/^command[\\/]/.test(path),
  )
  const wanted = sources.map((path) => `dist/src/${path.replace(/\.ts$/, '.d.ts')}`)
  const outputs = packed.filter((path) => path.startsWith('dist/src/'))
  assert.deepEqual(outputs.sort(), wanted.sort())
})

test('no file of the package contains the path of the checkout', () => {
  const folder = top.replace(/\/$/, '')
  for (const path of packed) assert.ok(!read(path).includes(folder), path)
})

interface Locked {
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
}

test('dependencies are pinned and hashed, and run no install scripts', () => {
  const { dependencies, scripts } = JSON.parse(read('package.json'))
  for (const version of Object.values<string>(dependencies))
    assert.match(version, /^\d+\.\d+\.\d+$/)
  for (const name of ['preinstall', 'install', 'postinstall'])
    assert.equal(scripts[name], undefined)
  const packages = Object.entries<Locked>(JSON.parse(read('package-lock.json')).packages)
  for (const [path, { integrity, hasInstallScript, dev }] of packages) {
    if (path === '') continue
    assert.match(integrity ?? '', /^sha512-/, path)
    if (!dev) assert.ok(!hasInstallScript, path)
  }
})
