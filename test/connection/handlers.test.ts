// Exceptions of handlers, and the async context in which handlers run.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import type { HandlerActions, RecordedDispatch } from '../support/pool-harness.ts'
import { OK, PoolHarness, uncaughtDuring } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const boom = new Error('boom')
const fail = (): never => {
  throw boom
}

const throwingHandlers: Record<string, { actions: HandlerActions; expected: string[] }> = {
  onInformational: { actions: { onInformational: fail }, expected: ['103'] },
  onHead: { actions: { onHead: fail }, expected: ['103', 'head 200'] },
  onData: { actions: { onData: fail }, expected: ['103', 'head 200', 'data hello'] },
}

for (const [name, { actions, expected }] of Object.entries(throwingHandlers)) {
  for (const pieces of [false, true]) {
    test(`${name} throws${pieces ? ', byte by byte' : ''}: onError is called, the connection closed`, async () => {
      const harness = new PoolHarness({ limits: { maxConnections: 1 } })
      const call = await harness.send({}, actions)
      const next = harness.dispatch({ path: '/next-in-line' })
      const message = `HTTP/1.1 103 x\r\n\r\n${CHUNKED}5\r\nhello\r\n0\r\n\r\n`
      const { socket } = harness
      for (const bytes of pieces ? message : [message]) {
        if (!socket.closed) socket.receive(bytes)
        await settle()
      }
      const events = call.events.map((event) => event.replace(/data h$/, 'data hello'))
      assert.deepEqual(events, [...expected, 'error Error'])
      assert.equal(call.error, boom)
      assert.deepEqual(harness.closeReasons, ['handler-threw'])
      assert.ok(socket.destroyed)
      await harness.receive(OK) // for the waiting request, on a new connection
      assert.equal(next.body, 'ok')
      await harness.finish()
    })
  }
}

test('onData throws for the last bytes of a response, also after a pause', async () => {
  for (const paused of [false, true]) {
    const harness = new PoolHarness()
    let turns = paused ? 1 : 0
    const call = await harness.send({}, { onData: () => (turns-- > 0 ? false : fail()) })
    await harness.receive('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok')
    if (paused) {
      harness.socket.receive('ok', { late: true })
      call.resume()
    }
    await settle()
    assert.equal(call.error, boom)
    assert.deepEqual(harness.closeReasons, ['handler-threw'])
    await harness.finish()
  }
})

const odd: unknown[] = [undefined, null, 'a string', 0]

test('onError gets any thrown value unchanged', async () => {
  for (const value of odd) {
    const harness = new PoolHarness()
    const call = await harness.send(
      {},
      {
        onHead: () => {
          throw value
        },
      },
    )
    await harness.receive(OK)
    assert.equal(call.error, value)
    assert.equal(call.events.length, 2)
    await harness.finish()
  }
})

test('onError gets any reason of a signal unchanged', async () => {
  for (const value of odd.slice(1)) {
    const harness = new PoolHarness()
    const controller = new AbortController()
    const call = await harness.send({ signal: controller.signal })
    controller.abort(value)
    await settle()
    assert.equal(call.error, value)
    await harness.finish()
  }
})

test('if onData aborts and throws, the abort counts', async () => {
  const harness = new PoolHarness()
  const call = await harness.send(
    {},
    {
      onData: (self: RecordedDispatch) => {
        self.abort('enough')
        throw boom
      },
    },
  )
  await harness.receive(OK)
  assert.deepEqual(call.events, ['head 200', 'data ok', 'error enough'])
  assert.deepEqual(harness.closeReasons, ['aborted'])
  await harness.finish()
})

/** The ways in which a request can end. */
const ends: Record<
  string,
  (harness: PoolHarness, actions: HandlerActions) => Promise<RecordedDispatch>
> = {
  'a response': async (harness, actions) => {
    const call = await harness.send({}, actions)
    await harness.receive(OK)
    return call
  },
  'a response, paused': async (harness, actions) => {
    const call = await harness.send({}, { ...actions, onData: () => false })
    await harness.receive(OK)
    call.resume()
    await settle()
    return call
  },
  'a body until close': async (harness, actions) => {
    const call = await harness.send({}, actions)
    await harness.receive('HTTP/1.1 200 OK\r\n\r\nok')
    harness.socket.receiveEnd()
    return call
  },
  'a fault': async (harness, actions) => {
    const call = await harness.send({}, actions)
    await harness.receive('nonsense')
    return call
  },
  'a reset': async (harness, actions) => {
    const call = await harness.send({}, actions)
    harness.socket.reset()
    return call
  },
  'a read timeout': async (harness, actions) => {
    const call = await harness.send({}, actions)
    await harness.clock.advance(5000)
    return call
  },
  'a total timeout': async (harness, actions) => {
    const call = await harness.send({ timeouts: { total: 10 } }, actions)
    await harness.clock.advance(5000)
    return call
  },
  'a connect timeout': async (harness, actions) => {
    harness.backend.autoConnect = false
    const call = await harness.send({}, actions)
    await harness.clock.advance(5000)
    return call
  },
  'a failed dial': async (harness, actions) => {
    harness.backend.hosts.set('h.test', new Error('ENOTFOUND'))
    const call = await harness.send({}, actions)
    harness.backend.hosts.clear()
    return call
  },
  'a pool timeout': async (harness, actions) => {
    const busy = await harness.send()
    const call = await harness.send({}, actions)
    await harness.clock.advance(100)
    busy.abort()
    return call
  },
  'an abort': async (harness, actions) => {
    const call = await harness.send({}, actions)
    call.abort()
    return call
  },
  'an invalid request': async (harness, actions) => harness.send({ path: 'nonsense' }, actions),
  'a failing body': async (harness, actions) =>
    harness.send({ method: 'POST', body: [5 as unknown as string] }, actions),
  'a handler that threw': async (harness, actions) => {
    const call = await harness.send({}, { ...actions, onHead: fail })
    await harness.receive(OK)
    return call
  },
  'the close of the pool': async (harness, actions) => {
    const call = await harness.send({}, actions)
    await harness.pool.close()
    return call
  },
}

for (const [name, reach] of Object.entries(ends)) {
  test(`onEnd or onError throws after ${name}`, async () => {
    const harness = new PoolHarness({
      limits: { maxConnections: 1 },
      timeouts: { pool: 100 },
    })
    let counts: unknown
    const thrown = new Error('from the end')
    const throwing = () => {
      const { active, connecting, waiting } = harness.pool.stats()
      counts = { active, connecting, waiting }
      throw thrown
    }
    let call: RecordedDispatch | undefined
    const uncaught = await uncaughtDuring(async () => {
      call = await reach(harness, { onEnd: throwing, onError: throwing })
      await harness.clock.flush()
    })
    assert.ok(call?.hasEnded)
    assert.deepEqual(uncaught, [thrown])
    const others = name === 'a pool timeout' ? 1 : 0
    assert.deepEqual(counts, { active: others, connecting: 0, waiting: 0 })
    if (name === 'the close of the pool') assert.equal(harness.backend.holdCount, 0)
    else await harness.finish()
  })
}

test('a request dispatched in onEnd gets the free connection', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  let again: RecordedDispatch | undefined
  const call = await harness.send(
    {},
    {
      onEnd: () => {
        assert.equal(harness.pool.stats().idle, 1)
        again = harness.dispatch({ path: '/again' })
      },
    },
  )
  await harness.receive(OK)
  assert.ok(call.hasEnded)
  await harness.receive(OK)
  assert.equal(again?.events.at(-1), 'end')
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('handlers run in the async context of their `dispatch`, also on a reused connection', async () => {
  const storage = new AsyncLocalStorage<string>()
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  const seen: string[] = []
  const note = () => void seen.push(storage.getStore() ?? 'nothing')
  const actions: HandlerActions = {
    onInformational: note,
    onHead: note,
    onData: note,
    onEnd: note,
    onError: note,
  }
  const message = `HTTP/1.1 103 x\r\n\r\n${OK}`
  for (const name of ['a', 'b', 'c']) storage.run(name, () => harness.dispatch({}, actions))
  await settle()
  for (let i = 0; i < 3; i++) await storage.run('other', () => harness.receive(message))
  assert.deepEqual(seen, [...'aaaabbbbcccc'])
  seen.length = 0

  // The cases of onError.
  storage.run('refused', () => harness.dispatch({ path: 'x' }, actions))
  await settle()
  storage.run('timeout', () => harness.dispatch({}, actions))
  await harness.clock.advance(5000)
  const aborted = storage.run('abort', () => harness.dispatch({}, actions))
  storage.run('other', () => aborted.abort())
  await settle()
  const controller = new AbortController()
  storage.run('signal', () => harness.dispatch({ signal: controller.signal }, actions))
  storage.run('other', () => controller.abort())
  await settle()
  assert.deepEqual(seen, ['refused', 'timeout', 'abort', 'signal'])
  await harness.finish()
})

test('the functions of a handler are called as its methods', async () => {
  const harness = new PoolHarness()
  class Handler {
    #events: string[] = []
    onHead(): void {
      this.#events.push('head')
    }
    onData(): void {
      this.#events.push('data')
    }
    onEnd(): void {
      this.#events.push('end')
    }
    onError(): void {
      this.#events.push('error')
    }
    get events(): string[] {
      return this.#events
    }
  }
  const handler = new Handler()
  harness.pool.dispatch({ origin: 'http://h.test', path: '/' }, handler)
  await settle()
  await harness.receive(OK)
  assert.deepEqual(handler.events, ['head', 'data', 'end'])
  await harness.finish()
})
