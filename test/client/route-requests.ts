// The requests that must work over every route to a server. `npm test` sends them through the
// proxies of test/support, and through real ones as far as they are installed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { HTTPProxy } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type { ClientOptions } from '../../src/index.ts'
import { Client, ConnectTimeout, ReadTimeout } from '../../src/index.ts'
import type { OriginServer } from '../support/origin-server.ts'
import {
  assertIntact,
  ContentChecker,
  expectedSummary,
  generateContent,
} from '../support/origin-server.ts'

/** A route to a test server. */
export interface OpenRoute {
  readonly options: ClientOptions
  readonly origin: string
  readonly target: OriginServer
}

export interface RouteSuite {
  readonly name: string
  readonly open: (t: TestContext) => Promise<OpenRoute>
  /** The same route, on which the connection is never established. */
  readonly stalled?: (t: TestContext) => Promise<Omit<OpenRoute, 'target'>>
  /** Whether the route supports protocol upgrades. Default true. */
  readonly upgrades?: boolean
  /** Whether connections are reused. Default true. */
  readonly keepsAlive?: boolean
}

const MEGABYTE = 1_000_000
const LARGE = 100 * MEGABYTE
/** Limit of the bytes in the buffers of the kernel and of proxies. Far below `LARGE`. */
const MAX_BUFFERED = 50 * MEGABYTE

/** Asserts that no connection in the pools of the client is in use. */
export function assertQuiescent(client: Client): void {
  const text = inspect(client)
  const pools = text.match(/<ConnectionPool \[[^\]]*\]>/g) ?? []
  assert.ok(pools.length > 0, text)
  for (const pool of pools) assert.match(pool, /: 0 connecting, 0 active, \d+ idle\]>$/)
}

export function routeSuite(suite: RouteSuite): void {
  const { name, open, stalled, upgrades = true, keepsAlive = true } = suite
  const start = async (t: TestContext) => {
    const route = await open(t)
    let opened = 0
    const client = new Client({
      trustEnv: false,
      ...route.options,
      trace: (event, _info) => {
        if (event === 'connection:open') opened++
      },
    })
    t.after(() => client.close())
    const url = (path: string) => new URL(path, route.origin)
    return { ...route, client, url, opened: () => opened }
  }

  describe(name, () => {
    test('GET, and POST of bytes and of a stream, over one connection', async (t) => {
      const { client, url, opened } = await start(t)
      for (let i = 0; i < 3; i++) {
        assert.equal(
          (await client.get(url(`/?${i}`))).text(),
          expectedSummary('GET', url(`/?${i}`), 0),
        )
      }
      const bytes = Buffer.concat([...generateContent(MEGABYTE)])
      for (const content of [
        bytes,
        Readable.from(generateContent(MEGABYTE)),
        generateContent(MEGABYTE),
      ]) {
        const response = await client.post(url('/'), { content })
        assert.equal(response.text(), expectedSummary('POST', url('/'), MEGABYTE))
      }
      const head = await client.head(url('/'))
      assert.deepEqual([head.status, head.bytes().length], [200, 0])
      assert.equal(opened(), keepsAlive ? 1 : 7)
      assertQuiescent(client)
    })

    test('1 MB, read completely', async (t) => {
      const { client, url } = await start(t)
      const taker = new ContentChecker()
      taker.check((await client.get(url(`/large?${MEGABYTE}`))).bytes())
      assertIntact(taker, MEGABYTE)
      assertQuiescent(client)
    })

    test('100 MB, with back-pressure of a slow reader', async (t) => {
      const { client, url, target } = await start(t)
      const taker = new ContentChecker()
      const response = await client.stream('GET', url(`/large?${LARGE}`))
      // The buffers of the route are full before the first byte is read.
      for (let before = -1; before !== target.sent; ) {
        before = target.sent
        for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
      }
      for await (const chunk of response.iterBytes()) {
        assert.ok(target.sent - taker.length < MAX_BUFFERED, `${target.sent} bytes are buffered`)
        taker.check(chunk)
      }
      assertIntact(taker, LARGE)
      assertQuiescent(client)
    })

    test('a redirect', async (t) => {
      const { client, url } = await start(t)
      const response = await client.get(url('/to?/there'))
      assert.equal(response.text(), expectedSummary('GET', url('/there'), 0))
      assert.equal(response.history.length, 1)
      assertQuiescent(client)
    })

    test('a missing or incomplete response: ReadTimeout', async (t) => {
      const { client, url } = await start(t)
      await client.get(url('/'))
      for (const path of ['/silent', '/cut']) {
        await assert.rejects(client.get(url(path), { timeout: { read: 100 } }), ReadTimeout)
        assertQuiescent(client)
      }
      assert.equal((await client.get(url('/'))).status, 200)
    })

    if (stalled !== undefined) {
      test('no connection in time: ConnectTimeout', async (t) => {
        const { options, origin } = await stalled(t)
        const client = new Client({ trustEnv: false, timeout: { connect: 50 }, ...options })
        t.after(() => client.close())
        await assert.rejects(client.get(origin), ConnectTimeout)
        assertQuiescent(client)
      })
    }

    test('a call that is aborted while it waits, and while it reads the body', async (t) => {
      const { client, url } = await start(t)
      for (const path of ['/silent', '/cut']) {
        const controller = new AbortController()
        const reason = new Error('aborted')
        const stream = client.stream('GET', url(path), { signal: controller.signal })
        if (path === '/silent') setImmediate(() => controller.abort(reason))
        const call = stream.then((response) => {
          controller.abort(reason)
          return response.read()
        })
        await assert.rejects(call, reason)
        assertQuiescent(client)
      }
      assert.equal((await client.get(url('/'))).status, 200)
    })

    // The client has no upgrades, but libraries can use them with a pool.
    if (upgrades) {
      test('an upgrade', async (t) => {
        const { options, origin } = await open(t)
        const { proxies, uds, lookup } = options
        const tls = options.verify as object
        const proxy = proxies as HTTPProxy | undefined
        const pool = new ConnectionPool({ tls, uds, lookup, proxy })
        t.after(() => pool.close())
        const socket = await upgraded(pool, origin)
        socket.write('hello')
        assert.equal(String((await once(socket, 'data'))[0]), 'hello')
        socket.destroy()
        pool.assertQuiescent()
      })
    }
  })
}

function upgraded(pool: ConnectionPool, origin: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    pool.dispatch(
      { origin, path: '/', headers: ['upgrade', 'echo'] },
      {
        onHead: (head) => reject(new Error(`${head.status}`)),
        onData() {},
        onEnd() {},
        onError: reject,
        onUpgrade: (socket) => resolve(socket),
      },
    )
  })
}
