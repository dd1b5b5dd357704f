import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  Cookies,
  requestCookies,
  requestCookiesFor,
  responseCookies,
} from '../../src/client/cookies/cookies.ts'
import { Headers } from '../../src/models/headers.ts'

// Own process: the tests of other files load tough-cookie.

const url = new URL('http://h.test/')

function isLoaded(): boolean {
  const { cache } = createRequire(import.meta.url)
  return Object.keys(cache).some((path) => /[\\/]tough-cookie[\\/]/.test(path))
}

test('tough-cookie is loaded when the first cookie is stored in the jar', () => {
  const cookies = new Cookies({ a: '1' })
  cookies.set('b', '2', { path: '/x' })
  cookies.get('a')
  cookies.delete('c', { domain: 'h.test' })
  cookies.storeSetCookies([], url)
  cookies.storeSetCookies(['\x7f=1'], url)
  cookies.header(url, { includeUnscoped: true, extra: null })
  inspect([...new Cookies(cookies)])
  requestCookiesFor(requestCookies(cookies), url, true)
  cookies.clear()
  assert.ok(cookies.isEmpty)
  assert.ok(responseCookies(new Headers({ 'content-type': 'text/html' }), url).isEmpty)
  assert.ok(!isLoaded())
  cookies.storeSetCookies(['a=1'], url)
  assert.ok(isLoaded())
})
