import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get } from '../../src/index.ts'
import { openClient } from './recorded.ts'

test('messages name the invalid option', async (t) => {
  const client = openClient(t)
  const url = 'http://h/'
  const calls = [get, client.get.bind(client)] as const
  for (const call of calls) {
    await assert.rejects(
      call(url, { body: 'x' } as never),
      /body is not an option; use content, json/,
    )
    await assert.rejects(call(url, null as never), {
      name: 'TypeError',
      message: 'request must be an object, not null',
    })
  }
  await assert.rejects(get(url, { tmeout: 1 } as never), /tmeout is not an option.*poolLimits/)
})
