// What handlers throw, and where they run.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { settle } from '../support/scripted-clock.ts'
import type { Call, Script } from '../support/stage.ts'
import { OK, Stage, uncaughtDuring } from '../support/stage.ts'

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const boom = new Error('boom')
const fail = (): never => {
  throw boom
}

const middles: Record<string, { script: Script; told: string[] }> = {
  onInformational: { script: { onInformational: fail }, told: ['103'] },
  onHead: { script: { onHead: fail }, told: ['103', 'head 200'] },
  onData: { script: { onData: fail }, told: ['103', 'head 200', 'data hello'] },
}

for (const [name, { script, told }] of Object.entries(middles)) {
  for (const pieces of [false, true]) {
    test(`${name} throws${pieces ? ', byte by byte' : ''}: onError hears it, the connection is closed`, async () => {
      const stage = new Stage({ limits: { maxConnections: 1 } })
      const call = await stage.send({}, script)
      const next = stage.dispatch({ path: '/next-in-line' })
      const message = `HTTP/1.1 103 x\r\n\r\n${CHUNKED}5\r\nhello\r\n0\r\n\r\n`
      const { socket } = stage
      for (const bytes of pieces ? message : [message]) {
        if (!socket.closed) socket.receive(bytes)
        await settle()
      }
      const heard = call.events.map((event) => event.replace(/data h$/, 'data hello'))
      assert.deepEqual(heard, [...told, 'error Error'])
      assert.equal(call.error, boom)
      assert.deepEqual(stage.closes, ['handler-threw'])
      assert.ok(socket.destroyed)
      await stage.receive(OK) // of the next in line, on a new connection
      assert.equal(next.body, 'ok')
      await stage.done()
    })
  }
}

test('onData throws in the last bytes of a response, and behind a pause', async () => {
  for (const paused of [false, true]) {
    const stage = new Stage()
    let turns = paused ? 1 : 0
    const call = await stage.send({}, { onData: () => (turns-- > 0 ? false : fail()) })
    await stage.receive('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok')
    if (paused) {
      stage.socket.receive('ok', { late: true })
      call.resume()
    }
    await settle()
    assert.equal(call.error, boom)
    assert.deepEqual(stage.closes, ['handler-threw'])
    await stage.done()
  }
})

const odd: unknown[] = [undefined, null, 'a string', 0]

test('whatever is thrown reaches onError as it is', async () => {
  for (const value of odd) {
    const stage = new Stage()
    const call = await stage.send(
      {},
      {
        onHead: () => {
          throw value
        },
      },
    )
    await stage.receive(OK)
    assert.equal(call.error, value)
    assert.equal(call.events.length, 2)
    await stage.done()
  }
})

test('whatever the reason of a signal is reaches onError as it is', async () => {
  for (const value of odd.slice(1)) {
    const stage = new Stage()
    const controller = new AbortController()
    const call = await stage.send({ signal: controller.signal })
    controller.abort(value)
    await settle()
    assert.equal(call.error, value)
    await stage.done()
  }
})

test('an onData that aborts and throws has aborted', async () => {
  const stage = new Stage()
  const call = await stage.send(
    {},
    {
      onData: (self: Call) => {
        self.abort('enough')
        throw boom
      },
    },
  )
  await stage.receive(OK)
  assert.deepEqual(call.events, ['head 200', 'data ok', 'error enough'])
  assert.deepEqual(stage.closes, ['aborted'])
  await stage.done()
})

/** The ways to an end, and which of the two calls tells it. */
const ends: Record<string, (stage: Stage, script: Script) => Promise<Call>> = {
  'a response': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.receive(OK)
    return call
  },
  'a response, paused': async (stage, script) => {
    const call = await stage.send({}, { ...script, onData: () => false })
    await stage.receive(OK)
    call.resume()
    await settle()
    return call
  },
  'a body until close': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.receive('HTTP/1.1 200 OK\r\n\r\nok')
    stage.socket.receiveEnd()
    return call
  },
  'a fault': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.receive('nonsense')
    return call
  },
  'a reset': async (stage, script) => {
    const call = await stage.send({}, script)
    stage.socket.reset()
    return call
  },
  'a read timeout': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.clock.advance(5000)
    return call
  },
  'a total timeout': async (stage, script) => {
    const call = await stage.send({ timeouts: { total: 10 } }, script)
    await stage.clock.advance(5000)
    return call
  },
  'a connect timeout': async (stage, script) => {
    stage.backend.autoConnect = false
    const call = await stage.send({}, script)
    await stage.clock.advance(5000)
    return call
  },
  'a failed dial': async (stage, script) => {
    stage.backend.hosts.set('h.test', new Error('ENOTFOUND'))
    const call = await stage.send({}, script)
    stage.backend.hosts.clear()
    return call
  },
  'a pool timeout': async (stage, script) => {
    const busy = await stage.send()
    const call = await stage.send({}, script)
    await stage.clock.advance(100)
    busy.abort()
    return call
  },
  'an abort': async (stage, script) => {
    const call = await stage.send({}, script)
    call.abort()
    return call
  },
  'a request that is refused': async (stage, script) => stage.send({ path: 'nonsense' }, script),
  'content that fails': async (stage, script) =>
    stage.send({ method: 'POST', body: [5 as unknown as string] }, script),
  'a handler that threw': async (stage, script) => {
    const call = await stage.send({}, { ...script, onHead: fail })
    await stage.receive(OK)
    return call
  },
  'the pool`s end': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.pool.close()
    return call
  },
}

for (const [name, reach] of Object.entries(ends)) {
  test(`an end that throws: ${name}`, async () => {
    const stage = new Stage({
      limits: { maxConnections: 1 },
      timeouts: { pool: 100 },
    })
    let counts: unknown
    const thrown = new Error('from the end')
    const throwing = () => {
      const { active, connecting, waiting } = stage.pool.stats()
      counts = { active, connecting, waiting }
      throw thrown
    }
    let call: Call | undefined
    const uncaught = await uncaughtDuring(async () => {
      call = await reach(stage, { onEnd: throwing, onError: throwing })
      await stage.clock.flush()
    })
    assert.ok(call?.over)
    assert.deepEqual(uncaught, [thrown])
    const others = name === 'a pool timeout' ? 1 : 0
    assert.deepEqual(counts, { active: others, connecting: 0, waiting: 0 })
    if (name === 'the pool`s end') assert.equal(stage.backend.held, 0)
    else await stage.done()
  })
}

test('an end may dispatch again, and finds the connection free', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  let again: Call | undefined
  const call = await stage.send(
    {},
    {
      onEnd: () => {
        assert.equal(stage.pool.stats().idle, 1)
        again = stage.dispatch({ path: '/again' })
      },
    },
  )
  await stage.receive(OK)
  assert.ok(call.over)
  await stage.receive(OK)
  assert.equal(again?.events.at(-1), 'end')
  assert.equal(stage.backend.sockets.length, 1)
  await stage.done()
})

test('handlers run in the async context of their `dispatch`, on a kept connection too', async () => {
  const storage = new AsyncLocalStorage<string>()
  const stage = new Stage({ limits: { maxConnections: 1 } })
  const seen: string[] = []
  const note = () => void seen.push(storage.getStore() ?? 'nothing')
  const script: Script = {
    onInformational: note,
    onHead: note,
    onData: note,
    onEnd: note,
    onError: note,
  }
  const message = `HTTP/1.1 103 x\r\n\r\n${OK}`
  for (const name of ['a', 'b', 'c']) storage.run(name, () => stage.dispatch({}, script))
  await settle()
  for (let i = 0; i < 3; i++) await storage.run('other', () => stage.receive(message))
  assert.deepEqual(seen, [...'aaaabbbbcccc'])
  seen.length = 0

  // Each way to onError.
  storage.run('refused', () => stage.dispatch({ path: 'x' }, script))
  await settle()
  storage.run('timeout', () => stage.dispatch({}, script))
  await stage.clock.advance(5000)
  const aborted = storage.run('abort', () => stage.dispatch({}, script))
  storage.run('other', () => aborted.abort())
  await settle()
  const controller = new AbortController()
  storage.run('signal', () => stage.dispatch({ signal: controller.signal }, script))
  storage.run('other', () => controller.abort())
  await settle()
  assert.deepEqual(seen, ['refused', 'timeout', 'abort', 'signal'])
  await stage.done()
})

test('a handler is called as a method', async () => {
  const stage = new Stage()
  class Handler {
    #told: string[] = []
    onHead(): void {
      this.#told.push('head')
    }
    onData(): void {
      this.#told.push('data')
    }
    onEnd(): void {
      this.#told.push('end')
    }
    onError(): void {
      this.#told.push('error')
    }
    get told(): string[] {
      return this.#told
    }
  }
  const handler = new Handler()
  stage.pool.dispatch({ origin: 'http://h.test', path: '/' }, handler)
  await settle()
  await stage.receive(OK)
  assert.deepEqual(handler.told, ['head', 'data', 'end'])
  await stage.done()
})
