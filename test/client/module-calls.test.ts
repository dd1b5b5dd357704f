import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import * as hawser from '../../src/index.ts'
import { ReadTimeout, request, stream } from '../../src/index.ts'
import { rawServer, toLoopback } from '../engine/servers.ts'
import { inNode } from './in-node.ts'
import { recording } from './recorded.ts'

const names = ['get', 'options', 'head', 'post', 'put', 'patch', 'delete'] as const

describe('module functions', () => {
  for (const name of names) {
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: each of them is tested
    const call = hawser[name]
    test(name, async (t) => {
      const { as, requests } = await recording(t, () => [200, { 'set-cookie': 'a=1' }])
      const options = { lookup: toLoopback, params: { a: '1' }, auth: ['u', 'p'] } as const
      for (let i = 0; i < 2; i++) {
        const response = await call(as('h'), options)
        assert.equal(response.status, 200)
      }
      const [first, second] = requests
      assert.equal(`${first?.method} ${first?.url}`, `${name.toUpperCase()} /?a=1`)
      assert.ok(first?.headers.authorization)
      assert.equal(second?.headers.cookie, undefined)
    })
  }

  test('options of the client are taken', async (t) => {
    const { origin } = await recording(t, () => [302, { location: '/' }])
    await assert.rejects(request('GET', '/x', { baseUrl: origin, maxRedirects: 3 }), /More than 3/)
    await assert.rejects(request('GET', origin, { baseURL: origin } as never), TypeError)
  })

  /** Resolves when the server sees the first connection closed. */
  const closed = async ([socket]: readonly Socket[]) => {
    assert.ok(socket)
    if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
  }

  test('the connection is closed when the body is read', async (t) => {
    const { origin, sockets } = await recording(t, () => [200, {}, 'x'.repeat(300_000)])
    await request('GET', origin)
    await closed(sockets)
  })

  test('and when it is streamed, left, closed', async (t) => {
    for (const use of [
      (response: hawser.Response) => response.read(),
      (response: hawser.Response) => response.close(),
      async (response: hawser.Response) => {
        for await (const _ of response.iterBytes()) break
      },
    ]) {
      const { origin, sockets } = await recording(t, () => [200, {}, 'x'.repeat(300_000)])
      await use(await stream('GET', origin))
      await closed(sockets)
    }
  })

  test('and when a hook has read it', async (t) => {
    const { origin, sockets } = await recording(t, () => [200, {}, 'text'])
    const eventHooks = { response: [(response: hawser.Response) => response.read()] }
    await stream('GET', origin, { eventHooks })
    await closed(sockets)
  })

  test('and when it fails', async (t) => {
    const { origin, sockets } = await rawServer(t, (socket) => void socket.resume())
    await assert.rejects(request('GET', origin, { timeout: { read: 50 } }), ReadTimeout)
    await closed(sockets)
  })

  test('hold no process open', async (t) => {
    const { origin } = await recording(t, () => [200, {}, 'text'])
    const printed = await inNode(async ({ get }, url) => {
      const response = await get(url)
      console.log(response.text())
    }, origin)
    assert.equal(printed, 'text')
  })
})
