// A handler runs code that delivers data of another connection before it returns, for example
// `process._tickCallback()`. All connections share one parser and one window.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReadError, RemoteProtocolError } from '../../src/engine.ts'
import type { HandlerActions, RecordedDispatch } from '../support/pool-harness.ts'
import { PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const withTrailers = (body: string, trailer: string) =>
  `${CHUNKED}${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Of: ${trailer}\r\n\r\n`
const counted = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const REFUSED = /a handler ran the event loop \(process\._tickCallback\) before it returned/

interface Pair {
  readonly harness: PoolHarness
  readonly a: ScriptedSocket
  readonly b: ScriptedSocket
  readonly first: RecordedDispatch
  readonly second: RecordedDispatch
}

/** Sends two requests on two connections. `nested` runs once, inside a callback of the first. */
async function openPair(
  callback: 'onInformational' | 'onHead' | 'onData',
  nested: (pair: Pair) => void,
  second: HandlerActions = {},
): Promise<Pair> {
  const harness = new PoolHarness()
  let entered = false
  const enter = () => {
    if (entered) return
    entered = true
    nested(pair)
  }
  const firstCall = await harness.send({ path: '/a' }, { [callback]: enter })
  const a = harness.socket
  const secondCall = await harness.send({ path: '/b' }, second)
  const pair: Pair = { harness, a, b: harness.socket, first: firstCall, second: secondCall }
  return pair
}

async function finish({ harness }: Pair): Promise<void> {
  await settle()
  await harness.finish()
}

describe('58 a read of another connection inside a handler', () => {
  const other = withTrailers('other', 'second')

  test('is refused, and the response keeps its own trailers', async () => {
    const pair = await openPair('onData', ({ b }) => b.receive(other))
    pair.a.receive(withTrailers('own', 'first'))
    await settle()
    assert.deepEqual(pair.first.events, ['head 200', 'data own', 'end'])
    assert.equal(pair.first.trailers?.get('x-of'), 'first')
    assert.ok(pair.second.error instanceof ReadError)
    assert.match(pair.second.error.message, REFUSED)
    assert.equal(pair.second.error.responseStarted, true)
    await finish(pair)
  })

  const firstResponses: [callback: 'onInformational' | 'onHead' | 'onData', response: string][] = [
    ['onInformational', `HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n${counted('own')}`],
    ['onHead', counted('own')],
    ['onHead', withTrailers('own', 'first')],
    ['onData', counted('own')],
  ]
  for (const [callback, response] of firstResponses) {
    test(`in ${callback} does not change the rest of ${JSON.stringify(response)}`, async () => {
      const pair = await openPair(callback, ({ b }) => b.receive(other))
      pair.a.receive(response)
      await settle()
      assert.equal(pair.first.events.at(-1), 'end')
      assert.equal(pair.first.body, 'own')
      assert.ok(pair.second.error instanceof ReadError)
      await finish(pair)
    })
  }

  test('does not change the chunk that the handler has', async () => {
    let chunk = ''
    const harness = new PoolHarness()
    await harness.send(
      { path: '/a' },
      {
        onData: (_, bytes) => {
          b.receive(counted('x'.repeat(5000)))
          chunk = Buffer.from(bytes).latin1Slice()
        },
      },
    )
    const a = harness.socket
    await harness.send({ path: '/b' })
    const b = harness.socket
    a.receive(counted('own'))
    await settle()
    assert.equal(chunk, 'own')
    await harness.finish()
  })

  test('does not change a response that continues in the next read', async () => {
    const pair = await openPair('onData', ({ b }) => b.receive(other))
    const response = withTrailers('own', 'first')
    pair.a.receive(response.slice(0, -10))
    await settle()
    pair.a.receive(response.slice(-10))
    await settle()
    assert.deepEqual(pair.first.events, ['head 200', 'data own', 'end'])
    assert.equal(pair.first.trailers?.get('x-of'), 'first')
    await finish(pair)
  })

  test('also through microtasks, after a pause of the other response', async () => {
    const pair = await openPair(
      'onData',
      ({ second }) => {
        second.resume()
        ;(process as unknown as { _tickCallback(): void })._tickCallback()
      },
      { onData: () => false },
    )
    pair.b.receive(`${CHUNKED}1\r\nx\r\n`)
    pair.b.receive('5\r\nother\r\n0\r\nX-Of: second\r\n\r\n', { late: true })
    await settle()
    pair.a.receive(withTrailers('own', 'first'))
    await settle()
    assert.equal(pair.first.trailers?.get('x-of'), 'first')
    pair.second.resume()
    await settle()
    if (pair.second.error === undefined) {
      assert.equal(pair.second.trailers?.get('x-of'), 'second')
    } else assert.match(String(pair.second.error), REFUSED)
    await finish(pair)
  })

  test('that was stored in the window fails both responses', async () => {
    const pair = await openPair('onData', ({ b }) =>
      b.receive('1\r\nx\r\n0\r\nX-Of: second\r\n\r\n'),
    )
    pair.b.receive(CHUNKED) // the socket has asked for its next target then, as those of Node.js do
    pair.a.receive(withTrailers('own', 'first'))
    await settle()
    assert.ok(pair.first.error instanceof RemoteProtocolError)
    assert.match(pair.first.error.message, REFUSED)
    assert.ok(pair.second.error instanceof ReadError)
    await finish(pair)
  })

  test('of an idle connection that is stored in the window fails the response', async () => {
    const pair = await openPair('onHead', ({ b }) => b.receive(other))
    pair.b.receive(counted('done'))
    await settle()
    assert.equal(pair.second.events.at(-1), 'end')
    pair.a.receive(counted('own'))
    await settle()
    assert.ok(pair.first.error instanceof RemoteProtocolError)
    assert.equal(pair.first.body, '')
    await finish(pair)
  })

  test('is refused also after one that has ended a body in a buffer of its own', async () => {
    const harness = new PoolHarness()
    let entered = false
    const nested = () => {
      if (entered) return
      entered = true
      b.receive('x'.repeat(100_000))
      c.receive(other)
    }
    const first = await harness.send({ path: '/a' }, { onData: nested })
    const a = harness.socket
    const second = await harness.send({ path: '/b', copy: true })
    const b = harness.socket
    const third = await harness.send({ path: '/c' })
    const c = harness.socket
    b.receive('HTTP/1.1 200 OK\r\nContent-Length: 100004\r\n\r\nbody')
    await settle()
    const response = withTrailers('own', 'first')
    a.receive(response.slice(0, -10))
    await settle()
    a.receive(response.slice(-10))
    await settle()
    assert.equal(second.events.at(-1), 'end')
    assert.equal(second.body.length, 100_004)
    assert.match(String(third.error), REFUSED)
    assert.deepEqual(first.events, ['head 200', 'data own', 'end'])
    assert.equal(first.trailers?.get('x-of'), 'first')
    await settle()
    await harness.finish()
  })

  test('of the same connection is refused', async () => {
    const pair = await openPair('onHead', ({ a }) => a.receive('more'))
    pair.a.receive(counted('own'))
    pair.b.receive(counted('b'))
    await settle()
    assert.ok(pair.first.error instanceof ReadError)
    assert.equal(pair.second.body, 'b')
    await finish(pair)
  })

  test('of a tunnel is refused', async () => {
    const harness = new PoolHarness({ proxy: 'http://proxy.test' })
    await harness.send({ path: '/a' }, { onData: () => tunnel.receive('HTTP/1.1 200 OK\r\n\r\n') })
    const a = harness.socket
    const second = await harness.send({ origin: 'https://b.test', path: '/b' })
    const tunnel = harness.socket
    a.receive(withTrailers('own', 'first'))
    await settle()
    assert.equal(harness.calls[0]?.trailers?.get('x-of'), 'first')
    assert.match(String(second.error), REFUSED)
    await harness.pool.close()
  })

  test('at the end of a response is not refused', async () => {
    const harness = new PoolHarness()
    const first = await harness.send({ path: '/a' }, { onEnd: () => b.receive(other) })
    const a = harness.socket
    const second = await harness.send({ path: '/b' })
    const b = harness.socket
    a.receive(withTrailers('own', 'first'))
    await settle()
    assert.equal(first.trailers?.get('x-of'), 'first')
    assert.equal(second.trailers?.get('x-of'), 'second')
    await harness.finish()
  })
})
