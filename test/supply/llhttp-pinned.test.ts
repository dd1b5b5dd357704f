// The build takes the one llhttp that it knows, and makes the same module of it each time.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const GENERATED = 'src/protocol/llhttp-module.generated.ts'

/** A checkout of what the build needs, with a copy of llhttp-wasm that the test may change. */
class Checkout {
  readonly folder: string

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'hawser-native-'))
    t.after(() => rmSync(this.folder, { recursive: true }))
    cpSync(join(top, 'native'), join(this.folder, 'native'), { recursive: true })
    mkdirSync(join(this.folder, 'src/protocol'), { recursive: true })
    mkdirSync(join(this.folder, 'node_modules'))
    for (const name of ['llhttp-wasm', 'binaryen']) {
      const [from, to] = [top, this.folder].map((root) => join(root, 'node_modules', name))
      if (name === 'binaryen') symlinkSync(from!, to!)
      else cpSync(from!, to!, { recursive: true, dereference: true })
    }
  }

  /** Changes a file of llhttp-wasm. */
  change(name: string, change: (text: string) => string): void {
    const path = join(this.folder, 'node_modules/llhttp-wasm', name)
    const before = readFileSync(path, 'utf8')
    const after = change(before)
    assert.notEqual(after, before)
    writeFileSync(path, after)
  }

  build(): { status: number | null; stderr: string; module: string | null } {
    const build = join(this.folder, 'native/build.mjs')
    const { status, stderr } = spawnSync(process.execPath, [build], { encoding: 'utf8' })
    const generated = join(this.folder, GENERATED)
    return {
      status,
      stderr,
      module: existsSync(generated) ? readFileSync(generated, 'utf8') : null,
    }
  }
}

test('an unchanged llhttp-wasm becomes, byte for byte, the module that is in use', (t) => {
  const { status, stderr, module } = new Checkout(t).build()
  assert.equal(status, 0, stderr)
  assert.equal(module, readFileSync(join(top, GENERATED), 'utf8'))
})

/** The base64 of the module, with other bits in its middle. */
const withOtherBits = (source: string) =>
  source.replace(/"([A-Za-z0-9+/=]{1000,})"/, (_, base64: string) => {
    const bytes = Buffer.from(base64, 'base64')
    bytes[bytes.length >> 1]! ^= 1
    return `"${bytes.toString('base64')}"`
  })

const changes: [name: string, file: string, change: (text: string) => string, says: RegExp][] = [
  ['one bit of the module', 'out/index.js', withOtherBits, /expected llhttp-wasm 1\.0\.3 /],
  [
    'another version with the same module',
    'package.json',
    (text) => text.replace(/"version": "[\d.]+"/, '"version": "1.0.99"'),
    /expected llhttp-wasm 1\.0\.3 .*found 1\.0\.99/,
  ],
  [
    'no module at all',
    'out/index.js',
    (text) => text.replace(/"[A-Za-z0-9+/=]{1000,}"/, '""'),
    /contains no module/,
  ],
]
for (const [name, file, change, says] of changes) {
  test(`a changed llhttp-wasm is refused: ${name}`, (t) => {
    const checkout = new Checkout(t)
    checkout.change(file, change)
    const { status, stderr, module } = checkout.build()
    assert.equal(status, 1)
    assert.match(stderr, says)
    assert.equal(module, null)
  })
}
