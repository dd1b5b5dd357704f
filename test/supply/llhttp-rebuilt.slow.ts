// The build of the WebAssembly module is reproducible.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Checkout, GENERATED, top } from './checkout.ts'

test('a build with the unchanged llhttp-wasm creates the same bytes as the current module', (t) => {
  const { status, stderr, module } = new Checkout(t).build()
  assert.equal(status, 0, stderr)
  assert.equal(module, readFileSync(join(top, GENERATED), 'utf8'))
})
