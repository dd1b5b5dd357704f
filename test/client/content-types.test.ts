import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RequestOptions } from '../../src/index.ts'
import { openClient, recording } from './recorded.ts'

describe('the header content-type: null', () => {
  const off = { 'Content-Type': null }
  const bodies: readonly RequestOptions[] = [
    { json: 1 },
    { data: { a: '1' } },
    { files: { a: 'x' } },
    { content: new Blob(['x'], { type: 'a/b' }) },
  ]
  for (const body of bodies) {
    test(`${Object.keys(body)} is sent without Content-Type`, async (t) => {
      const { origin, requests } = await recording(t)
      await openClient(t).post(origin, { ...body, headers: off })
      const client = openClient(t, { headers: off })
      await client.post(origin, body)
      await client.post(origin, { ...body, headers: { 'x-a': null } })
      await openClient(t).post(origin, body)
      const types = requests.map(({ headers }) => headers['content-type'])
      assert.deepEqual(types.slice(0, 3), [undefined, undefined, undefined])
      assert.ok(types[3])
    })
  }

  test("in the client, does not remove the request's field", async (t) => {
    const { origin, requests } = await recording(t)
    const headers = { 'content-type': 'application/x' }
    await openClient(t, { headers: off }).post(origin, { json: 1, headers })
    assert.equal(requests[0]?.headers['content-type'], 'application/x')
  })
})

test('onUploadProgress is checked even without a body', async (t) => {
  const client = openClient(t)
  for (const onUploadProgress of [7, false, 'x', {}] as never[]) {
    assert.throws(() => client.buildRequest('GET', 'http://h/', { onUploadProgress }), {
      name: 'TypeError',
      message: /^onUploadProgress must be a function/,
    })
  }
})
