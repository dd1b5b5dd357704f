// What errors on the way of redirects say of the call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withRequest } from '../../src/client/call.ts'
import { ConnectError, Request, RequestError, TotalTimeout } from '../../src/index.ts'
import { deadOrigin } from './clients.ts'
import { openClient, recording } from './recorded.ts'

test('a redirect that is not followed was answered', async (t) => {
  for (const location of ['/again', 'http://[', 'ftp://h.test/']) {
    const { origin } = await recording(t, () => [302, { location }])
    await assert.rejects(openClient(t).get(origin), (error) => {
      assert.ok(error instanceof RequestError)
      assert.deepEqual([error.phase, error.responseStarted], ['read', true])
      return true
    })
  }
})

test('behind a POST that was carried out, no failure is safe to retry', async (t) => {
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

test('a total that is told anew keeps its cause', () => {
  const cause = new Error('why')
  const error = new TotalTimeout('Not done within 5 ms', { cause })
  const call = { timeout: { total: 10 } } as never
  const told = withRequest(error, new Request('GET', 'http://h.test/'), call)
  assert.ok(told instanceof TotalTimeout)
  assert.equal(told.message, 'Not done within 10 ms')
  assert.equal(told.cause, cause)
})
