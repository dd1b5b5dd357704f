// Tests the contents of the published package and its dependencies. small-install.test.ts tests
// that it works.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { SourceMapPayload } from 'node:module'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(top, path), 'utf8')

/** Each file of the package must match one of these patterns. */
const ALLOWED_FILES = [
  /^package\.json$/,
  /^README\.md$/,
  /^CHANGELOG\.md$/,
  /^SECURITY\.md$/,
  /^LICENSE$/,
  /^native\/(?:README|THIRD-PARTY)\.md$/,
  /^dist\/lib\/.+\.js$/,
  /^dist\/lib\/.+\.js\.map$/,
  /^dist\/src\/.+\.d\.ts$/,
  /^dist\/src\/.+\.d\.ts\.map$/,
  /^dist\/src\/(?:index|engine|fetch\/index)\.d\.cts$/,
  /^src\/.+\.ts$/,
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
  const outputs = packed.filter((path) => /^dist\/src\/.*\.d\.ts$/.test(path))
  assert.deepEqual(outputs.sort(), wanted.sort())
})

describe('79 source maps lead to TypeScript sources that are in the package', () => {
  const maps = packed.filter((path) => path.endsWith('.map'))

  test('those of the code and of the declarations', () => {
    assert.ok(maps.some((path) => path.endsWith('.js.map')))
    for (const path of maps) {
      const { sources } = JSON.parse(read(path)) as SourceMapPayload
      for (const source of sources) {
        const target = posix.join(posix.dirname(path), source)
        assert.ok(target.endsWith('.ts') && packed.includes(target), `${path}: ${source}`)
      }
    }
  })

  test('a class of the bundle leads to its line', () => {
    for (const path of maps.filter((name) => name.endsWith('.js.map'))) {
      const lines = read(path.slice(0, -'.map'.length)).split('\n')
      const line = lines.findIndex((text) => text.startsWith('class ConnectionPool '))
      if (line === -1) continue
      const entry = new SourceMap(JSON.parse(read(path))).findEntry(line, 0)
      assert.ok('originalSource' in entry)
      assert.equal(posix.join(posix.dirname(path), entry.originalSource), 'src/pool/pool.ts')
      const original = read('src/pool/pool.ts').split('\n')
      assert.match(original[entry.originalLine] ?? '', /class ConnectionPool /)
      return
    }
    assert.fail('no file contains ConnectionPool')
  })
})

test('79 the declarations contain no internal members', () => {
  for (const path of packed.filter((name) => name.endsWith('.d.ts'))) {
    assert.doesNotMatch(read(path), /@internal/, path)
  }
  assert.doesNotMatch(read('dist/src/pool/pool.d.ts'), /constructor\([^)]*countsUnread/)
  assert.doesNotMatch(read('dist/src/client/request.d.ts'), /callSettings/)
})

test('79 the package names its repository, its page and where to report faults', () => {
  const { repository, homepage, bugs } = JSON.parse(read('package.json'))
  const page = 'https://github.com/hawser-http/hawser'
  assert.equal(repository.url, `git+${page}.git`)
  assert.equal(homepage, `${page}#readme`)
  assert.equal(bugs.url, `${page}/issues`)
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
