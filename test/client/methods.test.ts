import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Request, request } from '../../src/index.ts'
import { openClient, recording } from './recorded.ts'

describe('the method of a request', () => {
  const cases: readonly [given: string, sent: string][] = [
    ['get', 'GET'],
    ['Head', 'HEAD'],
    ['post', 'POST'],
    ['put', 'PUT'],
    ['patch', 'PATCH'],
    ['dElEtE', 'DELETE'],
    ['options', 'OPTIONS'],
    ['purge', 'purge'],
    ['Query', 'Query'],
    ['connecT', 'connecT'],
    ['poſt', 'poſt'],
  ]
  for (const [given, sent] of cases) {
    test(`${given} is sent as ${sent}`, () =>
      assert.equal(new Request(given, 'http://h/').method, sent))
  }

  test('is converted by client.request', async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t)
    await client.request('post', origin)
    await client.request('patch', origin)
    assert.deepEqual(
      requests.map(({ method }) => method),
      ['POST', 'PATCH'],
    )
  })

  const refused = [undefined, null, 7, {}, ['GET'], Symbol('GET')]
  for (const method of refused) {
    test(`${String(method)} is refused`, async (t) => {
      const expected = { name: 'TypeError', message: /^method must be a string/ }
      assert.throws(() => new Request(method as never, 'http://h/'), expected)
      await assert.rejects(openClient(t).request(method as never, 'http://h/'), expected)
      await assert.rejects(request(method as never, 'http://h/'), expected)
    })
  }
})
