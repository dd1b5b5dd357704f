// A request cancelled in every state it can be in.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
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
  /** What is done in the same breath. */
  readonly lastly?: (call: Call) => void
  /** What was told by then. */
  readonly told?: readonly string[]
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Notes whether it was closed. */
class Source implements AsyncGenerator<string> {
  closed = 0
  readonly #chunks: string[]

  constructor(...chunks: string[]) {
    this.#chunks = chunks
  }

  /** Never ends. */
  next(): Promise<IteratorResult<string>> {
    const value = this.#chunks.shift()
    if (value !== undefined) return Promise.resolve({ value, done: false })
    return new Promise(() => {})
  }

  return(): Promise<IteratorResult<string>> {
    this.closed++
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
  { name: 'dispatched a moment ago' },
  {
    name: 'the name is being looked up',
    before: (stage) => {
      stage.backend.autoLookup = false
    },
    reach: () => settle(),
  },
  {
    name: 'TCP connects',
    before: (stage) => {
      stage.backend.autoConnect = false
    },
    reach: () => settle(),
  },
  {
    name: 'two addresses race',
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
    name: 'TLS shakes hands',
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
    name: 'sent on a kept connection',
    before: async (stage) => {
      await stage.warm()
    },
    reach: () => settle(),
  },
  {
    name: 'sent, the socket blocked',
    before: async (stage) => (await stage.warm()).block(),
    reach: () => settle(),
  },
  {
    name: 'inside a 1xx',
    reach: (stage) => late(stage, 'HTTP/1.1 103 Ea'),
  },
  {
    name: 'behind a 1xx',
    reach: (stage) => late(stage, 'HTTP/1.1 103 x\r\n\r\n'),
    told: ['103'],
  },
  {
    name: 'inside the head',
    reach: (stage) => late(stage, HEAD.slice(0, 20)),
  },
  {
    name: 'behind the head',
    reach: (stage) => late(stage, HEAD),
    told: ['head 200'],
  },
  {
    name: 'inside the body',
    reach: (stage) => late(stage, `${HEAD}he`),
    told: ['head 200', 'data he'],
  },
  {
    name: 'between two chunks',
    reach: (stage) => late(stage, `${CHUNKED}2\r\nhe\r\n`),
    told: ['head 200', 'data he'],
  },
  {
    name: 'inside trailers',
    reach: (stage) => late(stage, `${CHUNKED}2\r\nhe\r\n0\r\nA: `),
    told: ['head 200', 'data he'],
  },
  {
    name: 'inside a body until close',
    reach: (stage) => late(stage, 'HTTP/1.1 200 OK\r\n\r\nhe'),
    told: ['head 200', 'data he'],
  },
  {
    name: 'inside a body that is copied',
    request: () => ({ copy: true }),
    reach: (stage) => late(stage, `${HEAD}he`),
    told: ['head 200', 'data he'],
  },
  {
    name: 'paused',
    script: { onData: () => false },
    reach: (stage) => late(stage, `${HEAD}he`),
    told: ['head 200', 'data he'],
  },
  {
    name: 'paused, late data kept',
    script: { onData: () => false },
    reach: async (stage) => {
      await late(stage, `${HEAD}he`)
      stage.socket.receive('llo', { late: true })
    },
    told: ['head 200', 'data he'],
  },
  {
    name: 'paused, the response complete',
    script: { onData: () => false },
    reach: (stage) => late(stage, `${HEAD}hello`),
    told: ['head 200', 'data hello'],
  },
  {
    name: 'paused, the peer gone',
    script: { onData: () => false },
    reach: async (stage) => {
      await late(stage, `${HEAD}he`)
      stage.socket.reset()
    },
    told: ['head 200', 'data he'],
  },
  {
    name: 'resumed a moment ago',
    script: { onData: () => false },
    reach: async (stage) => {
      await late(stage, `${HEAD}he`)
      stage.socket.receive('llo', { late: true })
    },
    lastly: (call) => call.resume(),
    told: ['head 200', 'data he'],
  },
  {
    name: 'large bytes blocked',
    request: () => ({ method: 'POST', body: Buffer.alloc(4 << 20) }),
    before: async (stage) => (await stage.warm()).block(),
    reach: () => settle(),
  },
  {
    name: 'content comes slowly',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: () => settle(),
  },
  {
    name: 'content comes slowly, the response complete',
    request: () => ({ method: 'POST', body: new Source('abc') }),
    reach: (stage) => late(stage, OK),
    told: ['head 200', 'data ok'],
  },
  {
    name: 'content waits for the socket',
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
    name: 'CONNECT waits',
    request: () => ({ method: 'CONNECT', path: 'h:1' }),
    script: takeUpgrade,
    reach: () => settle(),
  },
]

/** Bytes that come when the request has been sent. */
async function late(stage: Stage, data: string): Promise<void> {
  await settle()
  await stage.receive(data)
}

/** The ways to cancel; each gives the reason that has to come. */
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
    test(`1 cancelled while: ${state.name}, by ${way}`, async () => {
      const stage = new Stage(state.options)
      await state.before?.(stage)
      const controller = new AbortController()
      const request = { ...state.request?.(), signal: controller.signal }
      const call = stage.dispatch(request, state.script)
      await state.reach?.(stage)
      assert.deepEqual(call.events, state.told ?? [])
      state.lastly?.(call)
      const opened = stage.backend.sockets.length

      const reason = cancel(call, controller)
      assert.equal(stage.backend.held, 0, 'held after a cancel')
      stage.assertNothingInFlight() // at once
      call.abort(new Error('a second time'))
      controller.abort()
      await settle()

      assert.equal(call.events.length, (state.told ?? []).length + 1)
      if (reason === null) assert.equal((call.error as Error).name, 'AbortError')
      else assert.equal(call.error, reason)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
      assert.equal(stage.closes.at(-1), 'aborted')
      for (const socket of stage.backend.sockets) assert.ok(socket.destroyed || socket.closed)
      const { body } = request
      if (body instanceof Source && opened > 0) assert.equal(body.closed, 1, 'the source is open')
      // Nothing of it comes back to life.
      for (const lookup of stage.backend.lookups) if (!lookup.answered) lookup.answer([])
      await stage.clock.advance(60_000)
      assert.equal(stage.backend.sockets.length, opened)
      await stage.done()
    })
  }
}

test('1 cancelled before it was dispatched', async () => {
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

test('1 cancelled in the queue: the others stay, in order', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  await stage.warm()
  const busy = await stage.send({ path: '/busy' })
  const queued = [1, 2, 3].map((n) => stage.dispatch({ path: `/${n}` }))
  await settle()
  queued[1].abort(new Error('enough'))
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

test('1 the place of a cancelled request goes to who waits, at once', async () => {
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

const inside: Record<string, { script: Script; told: string[] }> = {
  onInformational: { script: { onInformational: (call) => call.abort('x') }, told: ['103'] },
  onHead: { script: { onHead: (call) => call.abort('x') }, told: ['103', 'head 200'] },
  onData: {
    script: { onData: (call) => call.abort('x') },
    told: ['103', 'head 200', 'data he'],
  },
  'onData, with a pause': {
    script: {
      onData: (call) => {
        call.abort('x')
        return false
      },
    },
    told: ['103', 'head 200', 'data he'],
  },
}

for (const [name, { script, told }] of Object.entries(inside)) {
  test(`1 cancelled inside ${name}`, async () => {
    const stage = new Stage()
    const call = await stage.send({}, script)
    await stage.receive(`HTTP/1.1 103 x\r\n\r\n${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`)
    // The parser gives the body of a read in one piece.
    const heard = call.events.map((event) => event.replace('hello', 'he'))
    assert.deepEqual(heard, [...told, 'error x'])
    assert.deepEqual(stage.closes, ['aborted'])
    await stage.done()
  })
}

for (const ending of ['onEnd', 'onError'] as const) {
  test(`1 cancelled inside ${ending}: too late`, async () => {
    const stage = new Stage()
    const call = await stage.send({}, { [ending]: (ended: Call) => ended.abort(new Error('x')) })
    if (ending === 'onEnd') await stage.receive(OK)
    else await stage.receive('nonsense')
    assert.equal(call.events.length, ending === 'onEnd' ? 3 : 1)
    assert.equal(stage.pool.stats().idle, ending === 'onEnd' ? 1 : 0)
    await stage.done()
  })
}

test('cancelled after its end: the connection, which serves another, stays', async () => {
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

test('13 one signal for many requests has one listener for each, and none at the end', async () => {
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

test('1 cancelled from inside the content', async () => {
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
  assert.ok(!stage.socket.written.includes('def'), 'sent after the end')
  assert.ok(closed, 'the generator is left open')
  await stage.done()
})
