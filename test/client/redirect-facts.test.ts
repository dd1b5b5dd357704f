// The properties of errors in redirects.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withRequest } from '../../src/client/call.ts'
import { ConnectError, Request, RequestError, TotalTimeout } from '../../src/index.ts'
import { deadOrigin } from './clients.ts'
import { openClient, recording } from './recorded.ts'

test('the error of an invalid redirect states that a response had started', async (t) => {
  for (const location of ['/again', 'http://[', 'ftp://h.test/']) {
    const { origin } = await recording(t, () => [302, { location }])
    await assert.rejects(openClient(t).get(origin), (error) => {
      assert.ok(error instanceof RequestError)
      assert.deepEqual([error.phase, error.responseStarted], ['read', true])
      return true
    })
  }
})

test('after a redirected POST, no failure is safe to retry', async (t) => {
  const location = await deadOrigin()
  const { origin } = await recording(t, () => [303, { location }])
  for (const [method, safeToRetry] of [
    ['POST', false],
    ['PUT', true],
  ] as const) {
    await assert.rejects(openClient(t).request(method, origin), (error) => {
      assert.ok(error instanceof ConnectError)
      assert.equal(error.safeToRetry, safeToRetry, method)
      return true
    })
  }
})

test('a TotalTimeout with a replaced message keeps its cause', () => {
  const cause = new Error('the cause')
  const error = new TotalTimeout('The request did not complete within 5 ms', { cause })
  const settings = { timeout: { total: 10 } } as never
  const result = withRequest(error, new Request('GET', 'http://h.test/'), settings)
  assert.ok(result instanceof TotalTimeout)
  assert.equal(result.message, 'The request did not complete within 10 ms')
  assert.equal(result.cause, cause)
})
