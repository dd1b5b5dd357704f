// Exceptions of handlers, and the async context in which handlers run.
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

const throwingHandlers: Record<string, { script: Script; expected: string[] }> = {
  onInformational: { script: { onInformational: fail }, expected: ['103'] },
  onHead: { script: { onHead: fail }, expected: ['103', 'head 200'] },
  onData: { script: { onData: fail }, expected: ['103', 'head 200', 'data hello'] },
}

for (const [name, { script, expected }] of Object.entries(throwingHandlers)) {
  for (const pieces of [false, true]) {
    test(`${name} throws${pieces ? ', byte by byte' : ''}: onError is called, the connection closed`, async () => {
      const stage = new Stage({ limits: { maxConnections: 1 } })
      const call = await stage.send({}, script)
      const next = stage.dispatch({ path: '/next-in-line' })
      const message = `HTTP/1.1 103 x\r\n\r\n${CHUNKED}5\r\nhello\r\n0\r\n\r\n`
      const { socket } = stage
      for (const bytes of pieces ? message : [message]) {
        if (!socket.closed) socket.receive(bytes)
        await settle()
      }
      const events = call.events.map((event) => event.replace(/data h$/, 'data hello'))
      assert.deepEqual(events, [...expected, 'error Error'])
      assert.equal(call.error, boom)
      assert.deepEqual(stage.closes, ['handler-threw'])
      assert.ok(socket.destroyed)
      await stage.receive(OK) // for the waiting request, on a new connection
      assert.equal(next.body, 'ok')
      await stage.done()
    })
  }
}

test('onData throws for the last bytes of a response, also after a pause', async () => {
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

test('onError gets any thrown value unchanged', async () => {
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

test('onError gets any reason of a signal unchanged', async () => {
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

test('if onData aborts and throws, the abort counts', async () => {
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

/** The ways in which a request can end. */
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
  'an invalid request': async (stage, script) => stage.send({ path: 'nonsense' }, script),
  'a failing body': async (stage, script) =>
    stage.send({ method: 'POST', body: [5 as unknown as string] }, script),
  'a handler that threw': async (stage, script) => {
    const call = await stage.send({}, { ...script, onHead: fail })
    await stage.receive(OK)
    return call
  },
  'the close of the pool': async (stage, script) => {
    const call = await stage.send({}, script)
    await stage.pool.close()
    return call
  },
}

for (const [name, reach] of Object.entries(ends)) {
  test(`onEnd or onError throws after ${name}`, async () => {
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
    if (name === 'the close of the pool') assert.equal(stage.backend.held, 0)
    else await stage.done()
  })
}

test('a request dispatched in onEnd gets the free connection', async () => {
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

test('handlers run in the async context of their `dispatch`, also on a reused connection', async () => {
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

  // The cases of onError.
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

test('the functions of a handler are called as its methods', async () => {
  const stage = new Stage()
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
  stage.pool.dispatch({ origin: 'http://h.test', path: '/' }, handler)
  await settle()
  await stage.receive(OK)
  assert.deepEqual(handler.events, ['head', 'data', 'end'])
  await stage.done()
})
