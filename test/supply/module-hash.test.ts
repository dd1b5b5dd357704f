// SECURITY.md states the version of llhttp-wasm and the hash of the WebAssembly module.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MODULE } from '../../src/protocol/llhttp-module.generated.ts'
import { top } from './checkout.ts'

const page = readFileSync(join(top, 'SECURITY.md'), 'utf8')
const sha256 = (module: string) =>
  createHash('sha256').update(Buffer.from(module, 'base64')).digest('hex')

test('SECURITY.md states the SHA-256 of the WebAssembly module', () => {
  assert.ok(page.includes(`\`${sha256(MODULE)}\``), sha256(MODULE))
})

test('the command in SECURITY.md finds exactly this module in the package', () => {
  const pattern = /grep -rhoE "([^"]+)"/.exec(page)?.[1]
  assert.ok(pattern !== undefined, 'there is no command')
  const lib = join(top, 'dist/lib')
  const found = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => readFileSync(join(lib, path), 'utf8').match(new RegExp(pattern, 'g')) ?? [])
  assert.deepEqual(found, [MODULE])
})

test('SECURITY.md names the version of llhttp-wasm', () => {
  const build = readFileSync(join(top, 'native/build.mjs'), 'utf8')
  const version = /const VERSION = '([\d.]+)'/.exec(build)?.[1]
  assert.ok(page.includes(`llhttp-wasm ${version}.`), version)
})
