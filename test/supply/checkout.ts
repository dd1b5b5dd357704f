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
import { fileURLToPath } from 'node:url'

export const top = fileURLToPath(new URL('../../../', import.meta.url))
export const GENERATED = 'src/protocol/llhttp-module.generated.ts'

/** A copy of the files that the build needs, with an llhttp-wasm that the test may change. */
export class Checkout {
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
