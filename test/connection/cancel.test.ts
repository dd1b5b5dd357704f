// A request is aborted in every state.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import type { HandlerActions, RecordedDispatch } from '../support/pool-harness.ts'
import { OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { takeUpgrade } from './samples.ts'

interface State {
  readonly name: string
  readonly options?: PoolOptions
  readonly request?: () => Partial<DispatchRequest>
  readonly actions?: HandlerActions
  readonly before?: (harness: PoolHarness) => void | Promise<void>
  /** Brings the dispatched request into the state. */
  readonly reach?: (harness: PoolHarness) => void | Promise<void>
  /** Called directly before the abort. */
  readonly afterReach?: (call: RecordedDispatch) => void
  /** The calls of the handler until then. */
  readonly events?: readonly string[]
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

/** A body that counts how often it was closed. */
class Source implements AsyncGenerator<string> {
  returnCalls = 0
  readonly #chunks: string[]

  constructor(...chunks: string[]) {
    this.#chunks = chunks
  }

  /** After the chunks, returns a promise that is never settled. */
  next(): Promise<IteratorResult<string>> {
    const value = this.#chunks.shift()
    if (value !== undefined) return Promise.resolve({ value, done: false })
    return new Promise(() => {})
  }

  return(): Promise<IteratorResult<string>> {
    this.returnCalls++
    return Promise.resolve({ value: undefined, done: true })
  }

  throw(): Promise<IteratorResult<string>> {
    return Promise.reject(new Error('never called'))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const states: readonly State[] = [
  { name: 'just dispatched' },
  {
    name: 'the name is being looked up',
    before: (harness) => {
      harness.backend.autoLookup = false
    },
    reach: () => settle(),
  },
  {
    name: 'TCP is connecting',
    before: (harness) => {
      harness.backend.autoConnect = false
    },
    reach: () => settle(),
  },
  {
    name: 'two addresses are tried',
    before: (harness) => {
      harness.backend.autoConnect = false
      harness.backend.hosts.set('h.test', [
        { address: '10.0.0.1', family: 4 },
        { address: '10.0.0.2', family: 4 },
      ])
    },
    reach: (harness) => harness.clock.advance(300),
  },
  {
    name: 'during the TLS handshake',
    request: () => ({ origin: 'https://h.test' }),
    before: (harness) => {
      harness.backend.autoConnect = false
    },
    reach: async (harness) => {
      await settle()
      harness.socket.connected()
    },
  },
  {
    name: 'sent',
    reach: () => settle(),
  },
  {
    name: 'sent on a reused connection',
    before: async (harness) => {
      await harness.openIdleConnection()
    },
    reach: () => settle(),
  },
  {
    name: 'sent on a blocked socket',
    before: async (harness) => (await harness.openIdleConnection()).block(),
    reach: () => settle(),
  },
  {
    name: 'inside a 1xx',
    reach: (harness) => receiveAfterSend(harness, 'HTTP/1.1 103 Ea'),
  },
  {
    name: 'after a 1xx',
    reach: (harness) => receiveAfterSend(harness, 'HTTP/1.1 103 x\r\n\r\n'),
    events: ['103'],
  },
  {
    name: 'inside the head',
    reach: (harness) => receiveAfterSend(harness, HEAD.slice(0, 20)),
  },
  {
    name: 'after the head',
    reach: (harness) => receiveAfterSend(harness, HEAD),
    events: ['head 200'],
  },
  {
    name: 'inside the body',
    reach: (harness) => receiveAfterSend(harness, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'between two chunks',
    reach: (harness) => receiveAfterSend(harness, `${CHUNKED}2\r\nhe\r\n`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside trailers',
    reach: (harness) => receiveAfterSend(harness, `${CHUNKED}2\r\nhe\r\n0\r\nA: `),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside a body until close',
    reach: (harness) => receiveAfterSend(harness, 'HTTP/1.1 200 OK\r\n\r\nhe'),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside a body that is copied',
    request: () => ({ copy: true }),
    reach: (harness) => receiveAfterSend(harness, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused',
    actions: { onData: () => false },
    reach: (harness) => receiveAfterSend(harness, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused, with a backlog',
    actions: { onData: () => false },
    reach: async (harness) => {
      await receiveAfterSend(harness, `${HEAD}he`)
      harness.socket.receive('llo', { late: true })
    },
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused, with a complete response',
    actions: { onData: () => false },
    reach: (harness) => receiveAfterSend(harness, `${HEAD}hello`),
    events: ['head 200', 'data hello'],
  },
  {
    name: 'paused, after a reset',
    actions: { onData: () => false },
    reach: async (harness) => {
      await receiveAfterSend(harness, `${HEAD}he`)
      harness.socket.reset()
    },
    events: ['head 200', 'data he'],
  },
  {
    name: 'just resumed',
    actions: { onData: () => false },
    reach: async (harness) => {
      await receiveAfterSend(harness, `${HEAD}he`)
      harness.socket.receive('llo', { late: true })
    },
    afterReach: (call) => call.resume(),
    events: ['head 200', 'data he'],
  },
  {
    name: 'large bytes wait for the socket',
    request: () => ({ method: 'POST', body: Buffer.alloc(4 << 20) }),
    before: async (harness) => (await harness.openIdleConnection()).block(),
    reach: () => settle(),
  },
  {
    name: 'the body is slow',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: () => settle(),
  },
  {
    name: 'the body is slow, and the response has begun',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: (harness) => receiveAfterSend(harness, OK.slice(0, -1)),
    events: ['head 200', 'data o'],
  },
  {
    name: 'the body waits for the socket',
    request: () => ({ method: 'POST', body: new Source('abc', 'def') }),
    before: async (harness) => (await harness.openIdleConnection()).block(),
    reach: () => settle(),
  },
  {
    name: 'waiting for 100',
    request: () => ({ method: 'POST', headers: ['Expect', '100-continue'], body: 'hello' }),
    reach: () => settle(),
  },
  {
    name: 'CONNECT was sent',
    request: () => ({ method: 'CONNECT', path: 'h:1' }),
    actions: takeUpgrade,
    reach: () => settle(),
  },
]

/** Receives bytes after the request was sent. */
async function receiveAfterSend(harness: PoolHarness, data: string): Promise<void> {
  await settle()
  await harness.receive(data)
}

/** The ways to abort. Each returns the expected reason, or null for an AbortError. */
const ways: Record<string, (call: RecordedDispatch, controller: AbortController) => unknown> = {
  'abort(reason)': (call) => {
    const reason = new Error('enough')
    call.abort(reason)
    return reason
  },
  'abort()': (call) => {
    call.abort()
    return null
  },
  'signal with a reason': (_, controller) => {
    const reason = { any: 'value' }
    controller.abort(reason)
    return reason
  },
  signal: (_, controller) => {
    controller.abort()
    return controller.signal.reason
  },
}

for (const state of states) {
  for (const [way, cancel] of Object.entries(ways)) {
    test(`1 aborted in the state "${state.name}", by ${way}`, async () => {
      const harness = new PoolHarness(state.options)
      await state.before?.(harness)
      const controller = new AbortController()
      const request = { ...state.request?.(), signal: controller.signal }
      const call = harness.dispatch(request, state.actions)
      await state.reach?.(harness)
      assert.deepEqual(call.events, state.events ?? [])
      state.afterReach?.(call)
      const opened = harness.backend.sockets.length

      const reason = cancel(call, controller)
      assert.equal(harness.backend.holdCount, 0, 'the process is kept alive after an abort')
      harness.assertNothingInFlight() // immediately
      call.abort(new Error('a second time'))
      controller.abort()
      await settle()

      assert.equal(call.events.length, (state.events ?? []).length + 1)
      if (reason === null) assert.equal((call.error as Error).name, 'AbortError')
      else assert.equal(call.error, reason)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
      assert.equal(harness.closeReasons.at(-1), 'aborted')
      for (const socket of harness.backend.sockets) assert.ok(socket.destroyed || socket.closed)
      const { body } = request
      if (body instanceof Source && opened > 0) {
        assert.equal(body.returnCalls, 1, 'the source was not closed')
      }
      // Late results have no effect.
      for (const lookup of harness.backend.lookups) if (!lookup.answered) lookup.answer([])
      await harness.clock.advance(60_000)
      assert.equal(harness.backend.sockets.length, opened)
      await harness.finish()
    })
  }
}

test('1 aborted before it was dispatched', async () => {
  const harness = new PoolHarness()
  const reason = new Error('never mind')
  const signal = AbortSignal.abort(reason)
  const call = harness.dispatch({ signal })
  assert.deepEqual(call.events, [])
  await settle()
  assert.equal(call.error, reason)
  assert.equal(harness.backend.sockets.length + harness.backend.lookups.length, 0)
  assert.equal(harness.pool.stats().origins, 0)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  await harness.finish()
})

test('1 aborted in the queue: the others stay, in order', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  await harness.openIdleConnection()
  const busy = await harness.send({ path: '/busy' })
  const queued = [1, 2, 3].map((n) => harness.dispatch({ path: `/${n}` }))
  await settle()
  at(queued, 1).abort(new Error('enough'))
  assert.equal(harness.pool.stats().waiting, 2)
  for (const path of ['/busy', '/1', '/3']) {
    assert.match(harness.socket.takeWritten(), new RegExp(`^GET ${path} `))
    await harness.receive(OK)
  }
  assert.deepEqual(
    [busy, ...queued].map((call) => call.events.at(-1)),
    ['end', 'end', 'error Error', 'end'],
  )
  await harness.finish()
})

test('1 an abort makes room for a waiting request in the next turn of the event loop', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  const first = await harness.send({ path: '/1' })
  const second = await harness.send({ path: '/2' })
  first.abort(new Error('enough'))
  await harness.clock.flush()
  assert.equal(harness.backend.sockets.length, 2)
  assert.match(harness.socket.takeWritten(), /^GET \/2 /)
  await harness.receive(OK)
  assert.equal(second.events.at(-1), 'end')
  await harness.finish()
})

const inside: Record<string, { actions: HandlerActions; expected: string[] }> = {
  onInformational: { actions: { onInformational: (call) => call.abort('x') }, expected: ['103'] },
  onHead: { actions: { onHead: (call) => call.abort('x') }, expected: ['103', 'head 200'] },
  onData: {
    actions: { onData: (call) => call.abort('x') },
    expected: ['103', 'head 200', 'data he'],
  },
  'onData, with a pause': {
    actions: {
      onData: (call) => {
        call.abort('x')
        return false
      },
    },
    expected: ['103', 'head 200', 'data he'],
  },
}

for (const [name, { actions, expected }] of Object.entries(inside)) {
  test(`1 aborted inside ${name}`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send({}, actions)
    await harness.receive(`HTTP/1.1 103 x\r\n\r\n${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`)
    // The parser delivers the body bytes of a read in one call.
    const events = call.events.map((event) => event.replace('hello', 'he'))
    assert.deepEqual(events, [...expected, 'error x'])
    assert.deepEqual(harness.closeReasons, ['aborted'])
    await harness.finish()
  })
}

for (const ending of ['onEnd', 'onError'] as const) {
  test(`1 aborted inside ${ending}: no effect`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send(
      {},
      { [ending]: (ended: RecordedDispatch) => ended.abort(new Error('x')) },
    )
    if (ending === 'onEnd') await harness.receive(OK)
    else await harness.receive('nonsense')
    assert.equal(call.events.length, ending === 'onEnd' ? 3 : 1)
    assert.equal(harness.pool.stats().idle, ending === 'onEnd' ? 1 : 0)
    await harness.finish()
  })
}

test('aborted after its end: the connection still serves another request', async () => {
  const harness = new PoolHarness()
  const controller = new AbortController()
  const first = await harness.send({ signal: controller.signal })
  await harness.receive(OK)
  const second = await harness.send()
  first.abort()
  first.resume()
  controller.abort()
  await harness.receive(OK)
  assert.equal(second.events.at(-1), 'end')
  assert.equal(first.events.at(-1), 'end')
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('13 a signal for many requests has one listener during each, and none at the end', async () => {
  const harness = new PoolHarness()
  const { signal } = new AbortController()
  for (let round = 0; round < 30; round++) {
    const call = await harness.send({ signal })
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await harness.receive(OK)
    assert.equal(call.events.at(-1), 'end')
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  }
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('1 aborted by the body', async () => {
  const harness = new PoolHarness()
  let closed = false
  let call: RecordedDispatch | undefined
  function* content(): Generator<string> {
    try {
      yield 'abc'
      call?.abort('enough')
      yield 'def'
    } finally {
      closed = true
    }
  }
  call = harness.dispatch({ method: 'POST', body: content() })
  await settle()
  assert.equal(call.error, 'enough')
  assert.ok(!harness.socket.written.includes('def'), 'sent after the abort')
  assert.ok(closed, 'the generator was not closed')
  await harness.finish()
})
