import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSameName, isToken } from '../../src/models/field.ts'

test('isToken accepts only non-empty strings of token characters', () => {
  for (const text of ['GET', 'M-SEARCH', "!#$%&'*+-.^_`|~09azAZ"]) assert.ok(isToken(text), text)
  for (const text of ['', ' ', 'GE T', 'GET\r\n', 'a:', '"', '\u0080', '\u212a']) {
    assert.ok(!isToken(text), JSON.stringify(text))
  }
})

test('isSameName ignores the case of ASCII letters, and of no other characters', () => {
  for (let a = 0; a < 0x180; a++) {
    for (let b = 0; b < 0x180; b++) {
      const [x, y] = [String.fromCharCode(a), String.fromCharCode(b)]
      const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      if (isSameName(x, y) !== (lower(x) === lower(y))) assert.fail(`${a} and ${b}`)
    }
  }
})
