import assert from 'node:assert/strict'
import diagnosticsChannel from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from '../../src/index.ts'
import { NetworkError, ReadTimeout, RemoteProtocolError, TotalTimeout } from '../../src/index.ts'
import { events } from '../../src/models/events.ts'
import { GZIPPED } from './origin.ts'
import { PatternCheck, patternBytes, patternPieces } from './pattern.ts'
import type { Route } from './routes.ts'

/** The inputs of one request. */
export interface Task {
  readonly route: Route
  /** Unique for each request. */
  readonly id: number
  readonly random: (below: number) => number
  /** Shared by all requests, and never aborted. */
  readonly signal: AbortSignal
}

/** One kind of request. `run` resolves if the outcome is as expected. */
export interface RequestKind {
  readonly name: string
  /** The relative frequency of this kind. */
  readonly weight: number
  readonly run: (task: Task) => Promise<void>
}

const SMALL = 2000
const LARGE = 300_000

/** An `AssertionError` is a failed check. Any other error comes from the call. */
export const REQUEST_KINDS: readonly RequestKind[] = [
  {
    name: 'small',
    weight: 300,
    async run({ route: { client, base }, id, signal }) {
      const response = await client.get(`${base}/echo/0`, {
        headers: { 'x-id': String(id) },
        signal,
      })
      assert.equal(textOf(response), String(id), 'the response to another request')
    },
  },
  {
    name: 'known length',
    weight: 40,
    async run({ route: { client, base }, random, signal }) {
      const length = random(10) === 0 ? random(LARGE) : random(SMALL)
      const response = await client.get(`${base}/bytes/${length}`, { signal })
      assert.ok(patternBytes(length).equals(bytesOf(response)), 'a wrong body')
    },
  },
  {
    name: 'chunked',
    weight: 20,
    async run({ route: { client, base }, random }) {
      const length = random(LARGE)
      const response = await client.get(`${base}/chunked/${length}`)
      assert.ok(patternBytes(length).equals(bytesOf(response)), 'a wrong body')
    },
  },
  {
    name: 'slow reader',
    weight: 5,
    async run({ route: { client, base }, random }) {
      const length = random(2 * LARGE)
      const response = await client.stream('GET', `${base}/bytes/${length}`)
      response.raiseForStatus()
      const check = new PatternCheck()
      for await (const chunk of response.iterBytes()) {
        check.take(chunk)
        if (random(4) === 0) await sleep(random(5))
      }
      assert.deepEqual([check.isIntact, check.length], [true, length], 'a wrong body')
    },
  },
  {
    name: 'abandoned',
    weight: 10,
    async run({ route: { client, base }, random }) {
      const response = await client.stream('GET', `${base}/bytes/${random(LARGE)}`)
      if (random(2) === 0) for await (const _ of response.iterBytes()) break
      await response.close()
    },
  },
  {
    name: 'forgotten',
    weight: 1,
    async run({ route: { client, base }, random }) {
      // More than what is read ahead, so that only a garbage collection frees the connection.
      const response = await client.stream('GET', `${base}/bytes/${LARGE}`)
      if (random(2) === 0) await response.iterBytes().next()
    },
  },
  {
    name: 'upload',
    weight: 30,
    async run({ route: { client, base }, random, signal }) {
      const length = random(SMALL)
      const content = patternBytes(length)
      const response = await client.post(`${base}/upload/0`, { content, signal })
      assert.equal(textOf(response), `${length} true`, 'a wrong upload')
    },
  },
  {
    name: 'streamed upload',
    weight: 5,
    async run({ route: { client, base }, random }) {
      const length = random(LARGE)
      const content = patternPieces(length, 1 + random(20_000))
      const response = await client.put(`${base}/upload/0`, { content })
      assert.equal(textOf(response), `${length} true`, 'a wrong upload')
    },
  },
  {
    name: 'early response',
    weight: 3,
    async run({ route: { client, base } }) {
      const content = patternPieces(LARGE, 10_000)
      try {
        const response = await client.post(`${base}/early/0`, { content })
        if (response.status !== 413) failOnResponse(response)
      } catch (error) {
        // The server's reset may arrive before its response.
        if (!(error instanceof NetworkError || error instanceof RemoteProtocolError)) throw error
      }
    },
  },
  {
    name: 'response before the end of the upload',
    weight: 5,
    async run({ route: { client, base }, random }) {
      const stalls = random(3) === 0
      const control = new AbortController()
      async function* content(): AsyncGenerator<Uint8Array> {
        yield patternBytes(1 + random(SMALL))
        await sleep(random(30))
        if (stalls) await sleep(5000, undefined, { signal: control.signal })
        yield patternBytes(1 + random(SMALL))
      }
      const call = client.post(`${base}/accept/0`, { content: content(), signal: control.signal })
      const response = await call
      assert.equal(textOf(response), 'accepted')
      if (stalls) control.abort()
    },
  },
  {
    name: 'ended by its own content',
    weight: 5,
    async run({ route: { client, base }, random }) {
      const control = new AbortController()
      const { signal } = control
      const abortedAt = random(3)
      async function* content(): AsyncGenerator<Uint8Array> {
        for (let i = 0; ; i++) {
          if (i === abortedAt) control.abort()
          yield patternBytes(SMALL)
        }
      }
      try {
        failOnResponse(await client.post(`${base}/upload/0`, { content: content(), signal }))
      } catch (error) {
        if (error !== signal.reason) throw error
      }
    },
  },
  {
    name: 'gzip',
    weight: 10,
    async run({ route: { client, base } }) {
      const response = await client.get(`${base}/gzip/0`)
      assert.ok(patternBytes(GZIPPED).equals(bytesOf(response)), 'a wrong body')
    },
  },
  {
    name: 'redirect',
    weight: 10,
    async run({ route: { client, base }, id }) {
      const headers = { 'x-id': String(id) }
      const response = await client.get(`${base}/redirect/0`, { headers })
      assert.equal(textOf(response), String(id), 'the response to another request')
    },
  },
  {
    name: 'no content, hints',
    weight: 10,
    async run({ route: { client, base }, random }) {
      const path = random(2) === 0 ? 'empty' : 'hints'
      const response = await client.get(`${base}/${path}/0`)
      assert.equal(textOf(response), path === 'empty' ? '' : 'hinted')
    },
  },
  {
    name: 'cancelled',
    weight: 20,
    async run({ route: { client, base }, random }) {
      const control = new AbortController()
      const path = ['echo/0', `bytes/${LARGE}`, 'silent/0', 'drip/5'][random(4)]
      const isSilent = path === 'silent/0'
      const pending = client.get(`${base}/${path}`, { signal: control.signal })
      const timer = setTimeout(() => control.abort(), isSilent ? random(20) : random(4))
      try {
        const response = await pending
        if (isSilent) failOnResponse(response)
      } catch (error) {
        if (error !== control.signal.reason) throw error
      } finally {
        clearTimeout(timer)
      }
    },
  },
  {
    name: 'timeout',
    weight: 4,
    async run({ route: { client, base } }) {
      const pending = client.get(`${base}/silent/0`, { timeout: { read: 20 } })
      await assertFails(pending, [ReadTimeout])
    },
  },
  {
    name: 'deadlines at once',
    weight: 1,
    async run({ route: { client, base }, random }) {
      const count = random(10) === 0 ? 2000 : 50
      const call = () => client.get(`${base}/silent/0`, { timeout: { total: 30 } })
      const calls = Array.from({ length: count }, () => assertFails(call(), [TotalTimeout]))
      for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
        if (reason !== undefined) throw reason
      }
    },
  },
  {
    name: 'ended in a listener',
    weight: 1,
    async run({ route: { client, base }, random }) {
      const control = new AbortController()
      const { signal } = control
      const names = Object.keys(events)
      const channel = diagnosticsChannel.channel(`hawser:${names[random(names.length)]}`)
      // The event may be that of another call, in the middle of whose work this call then ends.
      const listener = () => control.abort()
      channel.subscribe(listener)
      try {
        const response = await client.get(`${base}/bytes/${random(SMALL)}`, { signal })
        response.raiseForStatus()
      } catch (error) {
        if (error !== signal.reason) throw error
      } finally {
        channel.unsubscribe(listener)
      }
    },
  },
  {
    name: 'broken off',
    weight: 5,
    async run({ route: { client, base }, random }) {
      const path = random(2) === 0 ? 'hangup/0' : `cut/${random(SMALL)}`
      await assertFails(client.get(`${base}/${path}`), [NetworkError, RemoteProtocolError])
    },
  },
]

/**
 * Fails for a response that should not exist. A 400 is an error of the call: a fault may cut a
 * request.
 */
function failOnResponse(response: Response): never {
  response.raiseForStatus()
  assert.fail(`an unexpected response: ${response.status}`)
}

function textOf(response: Response): string {
  return response.raiseForStatus().text()
}

function bytesOf(response: Response): Uint8Array {
  return response.raiseForStatus().bytes()
}

/** Checks that the call fails with one of these errors. Any other error is rethrown. */
async function assertFails(
  pending: Promise<Response>,
  types: readonly (abstract new (...args: never[]) => Error)[],
): Promise<void> {
  const response = await pending.catch((error: unknown) => {
    if (types.some((type) => error instanceof type)) return null
    throw error
  })
  if (response !== null) failOnResponse(response)
}
