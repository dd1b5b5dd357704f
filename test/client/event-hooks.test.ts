import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Request, Response } from '../../src/index.ts'
import { ResponseNotRead, StreamClosed } from '../../src/index.ts'
import { openClient, recording } from './recorded.ts'

describe('event hooks', () => {
  test('in order, each awaited', async (t) => {
    const { origin } = await recording(t)
    const order: string[] = []
    const hook = (name: string) => async () => {
      order.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`${name} ends`)
    }
    const eventHooks = { request: [hook('1'), hook('2')], response: [hook('3'), hook('4')] }
    await openClient(t, { eventHooks }).get(origin)
    assert.deepEqual(
      order,
      ['1', '2', '3', '4'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    )
  })

  test('a request hook changes what is sent, and not what was given', async (t) => {
    const { origin, requests } = await recording(t, ({ url }) =>
      url === '/' ? [307, { location: '/to' }] : [200],
    )
    const seen: (string | null)[] = []
    const change = (request: Request) => {
      seen.push(request.headers.get('user-agent'))
      request.headers.append('x-a', '1')
      request.headers.set('user-agent', 'mine')
      request.content = 'changed'
    }
    const client = openClient(t, { eventHooks: { request: [change] } })
    const request = client.buildRequest('POST', origin, { content: 'given' })
    await client.send(request)
    await client.send(request)
    assert.deepEqual(seen, Array(4).fill('hawser/0.1.0'))
    for (const { headers, content } of requests) {
      assert.deepEqual([headers['x-a'], content], ['1', 'changed'])
    }
    assert.equal(request.content, 'given')
    assert.equal(request.headers.has('x-a'), false)
  })

  test('a request hook sees cookies and credentials', async (t) => {
    const { origin } = await recording(t)
    const seen: (string | null)[] = []
    const look = ({ headers }: Request) => {
      seen.push(headers.get('cookie'), headers.get('authorization'))
    }
    const eventHooks = { request: [look] }
    await openClient(t, { eventHooks, cookies: { a: '1' }, auth: ['u', 'p'] }).get(origin)
    assert.deepEqual(seen, ['a=1', `Basic ${btoa('u:p')}`])
  })

  test('a response hook comes before the body is read, and may read it', async (t) => {
    const { origin } = await recording(t, () => [200, { 'set-cookie': 'a=1' }, 'body'])
    const look = async (response: Response) => {
      assert.throws(() => response.text(), ResponseNotRead)
      assert.equal(client.cookies.get('a'), '1')
      await response.read()
      assert.equal(response.text(), 'body')
    }
    const client = openClient(t, { eventHooks: { response: [look] } })
    assert.equal((await client.get(origin)).text(), 'body')
    assert.equal((await client.stream('GET', origin)).text(), 'body')
  })

  test('a response hook that throws: its error, and the place is free', async (t) => {
    const { origin } = await recording(t, () => [500, {}, 'x'.repeat(1_000_000)])
    const seen: Response[] = []
    const hooks = [
      (response: Response) => void seen.push(response),
      (response: Response) => void response.raiseForStatus(),
    ]
    const client = openClient(t, {
      eventHooks: { response: hooks },
      poolLimits: { maxConnections: 1 },
      retries: 3,
    })
    for (let i = 0; i < 2; i++)
      await assert.rejects(client.get(origin), { name: 'HTTPStatusError' })
    assert.equal(seen.length, 2)
    assert.match(inspect(client), /0 connecting, 0 active/)
    await assert.rejects(seen[0]?.read() as Promise<Response>, StreamClosed)
  })

  test('later changes of the list change nothing', async (t) => {
    const { origin } = await recording(t)
    const request: (() => void)[] = []
    const client = openClient(t, { eventHooks: { request } })
    request.push(() => assert.fail())
    await client.get(origin)
  })
})
