// The build accepts only one version of llhttp.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Checkout } from './checkout.ts'

/** Flips a bit in the middle of the base64 module. */
const withFlippedBit = (source: string) =>
  source.replace(/"([A-Za-z0-9+/=]{1000,})"/, (_, base64: string) => {
    const bytes = Buffer.from(base64, 'base64')
    bytes[bytes.length >> 1]! ^= 1
    return `"${bytes.toString('base64')}"`
  })

const changes: [name: string, file: string, change: (text: string) => string, message: RegExp][] = [
  ['one bit of the module', 'out/index.js', withFlippedBit, /expected llhttp-wasm 1\.0\.3 /],
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
for (const [name, file, change, message] of changes) {
  test(`a changed llhttp-wasm is rejected: ${name}`, (t) => {
    const checkout = new Checkout(t)
    checkout.change(file, change)
    const { status, stderr, module } = checkout.build()
    assert.equal(status, 1)
    assert.match(stderr, message)
    assert.equal(module, null)
  })
}
