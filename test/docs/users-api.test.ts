import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MockHandler } from 'hawser'
import { HTTPStatusError, MockDispatcher } from 'hawser'
import { Users, UsersError } from '../../docs/examples/users-api.ts'

function usersOf(handler: MockHandler) {
  let tokens = 0
  return new Users({
    baseUrl: 'http://api.test/v1',
    token: () => `token-${++tokens}`,
    dispatcher: new MockDispatcher(handler),
  })
}

test('get returns a user, or null after a 404', async () => {
  const users = usersOf(({ url, headers }) => {
    assert.equal(headers.get('authorization')?.startsWith('Bearer token-'), true)
    return url.pathname === '/v1/users/7' ? { json: { id: 7, name: 'Ada' } } : { status: 404 }
  })
  assert.deepEqual(await users.get(7), { id: 7, name: 'Ada' })
  assert.equal(await users.get(8), null)
  await users.close()
})

test('an invalid user is rejected', async () => {
  const users = usersOf(() => ({ json: { id: '7' } }))
  await assert.rejects(users.get(7), TypeError)
})

test('all requests each page only when it is needed', async () => {
  const asked: string[] = []
  const users = usersOf(({ url }) => {
    asked.push(url.search)
    const page = Number(url.searchParams.get('page') ?? 1)
    const json = [{ id: page, name: `User ${page}` }]
    return { json, headers: page < 3 ? { link: `</v1/users?page=${page + 1}>; rel=next` } : null }
  })
  const ids: number[] = []
  for await (const { id } of users.all()) {
    assert.equal(asked.length, id)
    ids.push(id)
  }
  assert.deepEqual(ids, [1, 2, 3])
  assert.deepEqual(asked, ['', '?page=2', '?page=3'])
})

test('an error has the code of the API, or else the HTTP status', async () => {
  const users = usersOf(({ method }) =>
    method === 'POST' ? { status: 409, json: { code: 'name-taken' } } : { status: 500 },
  )
  await assert.rejects(users.create('Ada'), (error: UsersError) => {
    assert.ok(error instanceof UsersError)
    assert.ok(error.cause instanceof HTTPStatusError)
    return error.code === 'name-taken'
  })
  await assert.rejects(users.get(7), HTTPStatusError)
})

test('a request is retried after a 503', async () => {
  let calls = 0
  const users = usersOf(() =>
    ++calls === 1
      ? { status: 503, headers: { 'retry-after': '0' } }
      : { json: { id: 7, name: 'Ada' } },
  )
  assert.deepEqual(await users.get(7), { id: 7, name: 'Ada' })
  assert.equal(calls, 2)
})
