// The build makes the same module of llhttp each time.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Checkout, GENERATED, top } from './checkout.ts'

test('an unchanged llhttp-wasm becomes, byte for byte, the module that is in use', (t) => {
  const { status, stderr, module } = new Checkout(t).build()
  assert.equal(status, 0, stderr)
  assert.equal(module, readFileSync(join(top, GENERATED), 'utf8'))
})
