// A request is aborted in every state.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import { settle } from '../support/scripted-clock.ts'
import type { Call, Script } from '../support/stage.ts'
import { OK, Stage } from '../support/stage.ts'
import { takeUpgrade } from './samples.ts'

interface State {
  readonly name: string
  readonly options?: PoolOptions
  readonly request?: () => Partial<DispatchRequest>
  readonly script?: Script
  readonly before?: (stage: Stage) => void | Promise<void>
  /** Brings the dispatched request into the state. */
  readonly reach?: (stage: Stage) => void | Promise<void>
  /** Called directly before the abort. */
  readonly afterReach?: (call: Call) => void
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
    before: (stage) => {
      stage.backend.autoLookup = false
    },
    reach: () => settle(),
  },
  {
    name: 'TCP is connecting',
    before: (stage) => {
      stage.backend.autoConnect = false
    },
    reach: () => settle(),
  },
  {
    name: 'two addresses are tried',
    before: (stage) => {
      stage.backend.autoConnect = false
      stage.backend.hosts.set('h.test', [
        { address: '10.0.0.1', family: 4 },
        { address: '10.0.0.2', family: 4 },
      ])
    },
    reach: (stage) => stage.clock.advance(300),
  },
  {
    name: 'during the TLS handshake',
    request: () => ({ origin: 'https://h.test' }),
    before: (stage) => {
      stage.backend.autoConnect = false
    },
    reach: async (stage) => {
      await settle()
      stage.socket.connected()
    },
  },
  {
    name: 'sent',
    reach: () => settle(),
  },
  {
    name: 'sent on a reused connection',
    before: async (stage) => {
      await stage.warm()
    },
    reach: () => settle(),
  },
  {
    name: 'sent on a blocked socket',
    before: async (stage) => (await stage.warm()).block(),
    reach: () => settle(),
  },
  {
    name: 'inside a 1xx',
    reach: (stage) => receiveAfterSend(stage, 'HTTP/1.1 103 Ea'),
  },
  {
    name: 'after a 1xx',
    reach: (stage) => receiveAfterSend(stage, 'HTTP/1.1 103 x\r\n\r\n'),
    events: ['103'],
  },
  {
    name: 'inside the head',
    reach: (stage) => receiveAfterSend(stage, HEAD.slice(0, 20)),
  },
  {
    name: 'after the head',
    reach: (stage) => receiveAfterSend(stage, HEAD),
    events: ['head 200'],
  },
  {
    name: 'inside the body',
    reach: (stage) => receiveAfterSend(stage, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'between two chunks',
    reach: (stage) => receiveAfterSend(stage, `${CHUNKED}2\r\nhe\r\n`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside trailers',
    reach: (stage) => receiveAfterSend(stage, `${CHUNKED}2\r\nhe\r\n0\r\nA: `),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside a body until close',
    reach: (stage) => receiveAfterSend(stage, 'HTTP/1.1 200 OK\r\n\r\nhe'),
    events: ['head 200', 'data he'],
  },
  {
    name: 'inside a body that is copied',
    request: () => ({ copy: true }),
    reach: (stage) => receiveAfterSend(stage, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused',
    script: { onData: () => false },
    reach: (stage) => receiveAfterSend(stage, `${HEAD}he`),
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused, with a backlog',
    script: { onData: () => false },
    reach: async (stage) => {
      await receiveAfterSend(stage, `${HEAD}he`)
      stage.socket.receive('llo', { late: true })
    },
    events: ['head 200', 'data he'],
  },
  {
    name: 'paused, with a complete response',
    script: { onData: () => false },
    reach: (stage) => receiveAfterSend(stage, `${HEAD}hello`),
    events: ['head 200', 'data hello'],
  },
  {
    name: 'paused, after a reset',
    script: { onData: () => false },
    reach: async (stage) => {
      await receiveAfterSend(stage, `${HEAD}he`)
      stage.socket.reset()
    },
    events: ['head 200', 'data he'],
  },
  {
    name: 'just resumed',
    script: { onData: () => false },
    reach: async (stage) => {
      await receiveAfterSend(stage, `${HEAD}he`)
      stage.socket.receive('llo', { late: true })
    },
    afterReach: (call) => call.resume(),
    events: ['head 200', 'data he'],
  },
  {
    name: 'large bytes wait for the socket',
    request: () => ({ method: 'POST', body: Buffer.alloc(4 << 20) }),
    before: async (stage) => (await stage.warm()).block(),
    reach: () => settle(),
  },
  {
    name: 'the body is slow',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: () => settle(),
  },
  {
    name: 'the body is slow, and the response complete',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: (stage) => receiveAfterSend(stage, OK),
    events: ['head 200', 'data ok'],
  },
  {
    name: 'the body waits for the socket',
    request: () => ({ method: 'POST', body: new Source('abc', 'def') }),
    before: async (stage) => (await stage.warm()).block(),
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
    script: takeUpgrade,
    reach: () => settle(),
  },
]

/** Receives bytes after the request was sent. */
async function receiveAfterSend(stage: Stage, data: string): Promise<void> {
  await settle()
  await stage.receive(data)
}

/** The ways to abort. Each returns the expected reason, or null for an AbortError. */
const ways: Record<string, (call: Call, controller: AbortController) => unknown> = {
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
      const stage = new Stage(state.options)
      await state.before?.(stage)
      const controller = new AbortController()
      const request = { ...state.request?.(), signal: controller.signal }
      const call = stage.dispatch(request, state.script)
      await state.reach?.(stage)
      assert.deepEqual(call.events, state.events ?? [])
      state.afterReach?.(call)
      const opened = stage.backend.sockets.length

      const reason = cancel(call, controller)
      assert.equal(stage.backend.held, 0, 'the process is kept alive after an abort')
      stage.assertNothingInFlight() // immediately
      call.abort(new Error('a second time'))
      controller.abort()
      await settle()

      assert.equal(call.events.length, (state.events ?? []).length + 1)
      if (reason === null) assert.equal((call.error as Error).name, 'AbortError')
      else assert.equal(call.error, reason)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
      assert.equal(stage.closes.at(-1), 'aborted')
      for (const socket of stage.backend.sockets) assert.ok(socket.destroyed || socket.closed)
      const { body } = request
      if (body instanceof Source && opened > 0) {
        assert.equal(body.returnCalls, 1, 'the source was not closed')
      }
      // Late results have no effect.
      for (const lookup of stage.backend.lookups) if (!lookup.answered) lookup.answer([])
      await stage.clock.advance(60_000)
      assert.equal(stage.backend.sockets.length, opened)
      await stage.done()
    })
  }
}

test('1 aborted before it was dispatched', async () => {
  const stage = new Stage()
  const reason = new Error('never mind')
  const signal = AbortSignal.abort(reason)
  const call = stage.dispatch({ signal })
  assert.deepEqual(call.events, [])
  await settle()
  assert.equal(call.error, reason)
  assert.equal(stage.backend.sockets.length + stage.backend.lookups.length, 0)
  assert.equal(stage.pool.stats().origins, 0)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  await stage.done()
})

test('1 aborted in the queue: the others stay, in order', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  await stage.warm()
  const busy = await stage.send({ path: '/busy' })
  const queued = [1, 2, 3].map((n) => stage.dispatch({ path: `/${n}` }))
  await settle()
  at(queued, 1).abort(new Error('enough'))
  assert.equal(stage.pool.stats().waiting, 2)
  for (const path of ['/busy', '/1', '/3']) {
    assert.match(stage.socket.takeWritten(), new RegExp(`^GET ${path} `))
    await stage.receive(OK)
  }
  assert.deepEqual(
    [busy, ...queued].map((call) => call.events.at(-1)),
    ['end', 'end', 'error Error', 'end'],
  )
  await stage.done()
})

test('1 an abort makes room for a waiting request immediately', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  const first = await stage.send({ path: '/1' })
  const second = await stage.send({ path: '/2' })
  first.abort(new Error('enough'))
  await settle()
  assert.equal(stage.backend.sockets.length, 2)
  assert.match(stage.socket.takeWritten(), /^GET \/2 /)
  await stage.receive(OK)
  assert.equal(second.events.at(-1), 'end')
  await stage.done()
})

const inside: Record<string, { script: Script; expected: string[] }> = {
  onInformational: { script: { onInformational: (call) => call.abort('x') }, expected: ['103'] },
  onHead: { script: { onHead: (call) => call.abort('x') }, expected: ['103', 'head 200'] },
  onData: {
    script: { onData: (call) => call.abort('x') },
    expected: ['103', 'head 200', 'data he'],
  },
  'onData, with a pause': {
    script: {
      onData: (call) => {
        call.abort('x')
        return false
      },
    },
    expected: ['103', 'head 200', 'data he'],
  },
}

for (const [name, { script, expected }] of Object.entries(inside)) {
  test(`1 aborted inside ${name}`, async () => {
    const stage = new Stage()
    const call = await stage.send({}, script)
    await stage.receive(`HTTP/1.1 103 x\r\n\r\n${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`)
    // The parser delivers the body bytes of a read in one call.
    const events = call.events.map((event) => event.replace('hello', 'he'))
    assert.deepEqual(events, [...expected, 'error x'])
    assert.deepEqual(stage.closes, ['aborted'])
    await stage.done()
  })
}

for (const ending of ['onEnd', 'onError'] as const) {
  test(`1 aborted inside ${ending}: no effect`, async () => {
    const stage = new Stage()
    const call = await stage.send({}, { [ending]: (ended: Call) => ended.abort(new Error('x')) })
    if (ending === 'onEnd') await stage.receive(OK)
    else await stage.receive('nonsense')
    assert.equal(call.events.length, ending === 'onEnd' ? 3 : 1)
    assert.equal(stage.pool.stats().idle, ending === 'onEnd' ? 1 : 0)
    await stage.done()
  })
}

test('aborted after its end: the connection still serves another request', async () => {
  const stage = new Stage()
  const controller = new AbortController()
  const first = await stage.send({ signal: controller.signal })
  await stage.receive(OK)
  const second = await stage.send()
  first.abort()
  first.resume()
  controller.abort()
  await stage.receive(OK)
  assert.equal(second.events.at(-1), 'end')
  assert.equal(first.events.at(-1), 'end')
  assert.equal(stage.backend.sockets.length, 1)
  await stage.done()
})

test('13 a signal for many requests has one listener during each, and none at the end', async () => {
  const stage = new Stage()
  const { signal } = new AbortController()
  for (let round = 0; round < 30; round++) {
    const call = await stage.send({ signal })
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await stage.receive(OK)
    assert.equal(call.events.at(-1), 'end')
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  }
  assert.equal(stage.backend.sockets.length, 1)
  await stage.done()
})

test('1 aborted by the body', async () => {
  const stage = new Stage()
  let closed = false
  let call: Call | undefined
  function* content(): Generator<string> {
    try {
      yield 'abc'
      call?.abort('enough')
      yield 'def'
    } finally {
      closed = true
    }
  }
  call = stage.dispatch({ method: 'POST', body: content() })
  await settle()
  assert.equal(call.error, 'enough')
  assert.ok(!stage.socket.written.includes('def'), 'sent after the abort')
  assert.ok(closed, 'the generator was not closed')
  await stage.done()
})
