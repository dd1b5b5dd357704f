import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter, getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import type { DispatchHandler } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { assertEmpty, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const EARLY = 'HTTP/1.1 103 Early Hints\r\n\r\n'

const storage = new AsyncLocalStorage<string>()

/** Creates a handler that records which store each of its methods sees. */
function recordingHandler(stores: string[]): DispatchHandler {
  const note = (what: string) => void stores.push(`${what} in ${storage.getStore() ?? 'none'}`)
  return {
    onInformational: () => note('onInformational'),
    onHead: () => note('onHead'),
    onData: () => note('onData'),
    onEnd: () => note('onEnd'),
    onError: () => note('onError'),
    onUpgrade: (socket) => {
      note('onUpgrade')
      socket.destroy()
    },
  }
}

const all = (name: string) =>
  ['onInformational', 'onHead', 'onData', 'onEnd'].map((what) => `${what} in ${name}`)

describe('handlers run in the async context of their dispatch', () => {
  test('on a new connection, on a reused connection, after waiting, and without a store', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const names = ['new', 'waited', 'waited too', 'none', 'waited last']
    const seen: string[][] = names.map(() => [])
    for (const [i, name] of names.entries()) {
      const dispatch = () => pool.dispatch({ origin: A, path: '/' }, recordingHandler(at(seen, i)))
      if (name === 'none') storage.exit(dispatch)
      else storage.run(name, dispatch)
    }
    await settle()
    for (const name of names) {
      storage.run(`the reader of ${name}`, () => at(pool.sockets, 0).receive(EARLY + OK))
    }
    for (const [i, name] of names.entries()) assert.deepEqual(seen[i], all(name))
    const reused: string[] = []
    storage.run('reused', () => pool.dispatch({ origin: A, path: '/' }, recordingHandler(reused)))
    at(pool.sockets, 0).receive(EARLY + OK)
    assert.deepEqual(reused, all('reused'))
    await assertEmpty(pool)
  })

  test('and so do the handlers of requests that they dispatch', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const seen: string[] = []
    const first = recordingHandler([])
    first.onEnd = () => void pool.dispatch({ origin: A, path: '/' }, recordingHandler(seen))
    storage.run('outer', () => pool.dispatch({ origin: A, path: '/' }, first))
    await settle()
    at(pool.sockets, 0).receive(OK)
    at(pool.sockets, 0).receive(EARLY + OK)
    assert.deepEqual(seen, all('outer'))
    await assertEmpty(pool)
  })

  test('when the request is invalid, cannot connect, times out, is aborted, or the pool is closed', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const seen: string[] = []
    const dispatch = (name: string, more: object) =>
      storage.run(name, () =>
        pool.dispatch({ origin: A, path: '/', ...more }, recordingHandler(seen)),
      )
    dispatch('refused', { path: '' })
    await settle()
    pool.backend.autoConnect = false
    dispatch('unconnected', {})
    await settle()
    storage.run('elsewhere', () => pool.backend.socket.reset())
    pool.backend.autoConnect = true
    dispatch('aborted', {}).abort()
    dispatch('late', { timeouts: { read: 100 } })
    await storage.run('elsewhere', () => pool.backend.clock.advance(100))
    dispatch('active', {})
    dispatch('waiting too long', { timeouts: { pool: 100 } })
    await storage.run('elsewhere', () => pool.backend.clock.advance(100))
    dispatch('waiting', {})
    storage.run('elsewhere', () => void pool.close())
    await settle()
    const names = ['refused', 'unconnected', 'aborted', 'late', 'waiting too long']
    assert.deepEqual(
      seen.sort(),
      [...names, 'active', 'waiting'].map((name) => `onError in ${name}`).sort(),
    )
    await assertEmpty(pool)
  })

  test('when the connection is upgraded', async () => {
    const pool = new ScriptedPool()
    const seen: string[] = []
    const headers = ['upgrade', 'x']
    storage.run('mine', () =>
      pool.dispatch({ origin: A, path: '/', headers }, recordingHandler(seen)),
    )
    await settle()
    storage.run('other', () =>
      pool.backend.socket.receive('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'),
    )
    assert.deepEqual(seen, ['onUpgrade in mine'])
    await assertEmpty(pool)
  })

  test('and so does code that awaits pool.request and its response', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const ask = (name: string) =>
      storage.run(name, async () => {
        const seen: unknown[] = []
        const response = await pool.request({ origin: A, path: `/${name}` })
        seen.push(storage.getStore())
        await response.text()
        seen.push(storage.getStore())
        for await (const _ of response) seen.push(storage.getStore())
        return seen
      })
    const asked = [ask('x'), ask('y')]
    await settle()
    for (let i = 0; i < 2; i++) {
      storage.run('other', () => at(pool.sockets, 0).receive(OK.replace('ok', 'o')))
      await settle()
      storage.run('other', () => at(pool.sockets, 0).receive('k'))
      await settle()
    }
    assert.deepEqual(await Promise.all(asked), [
      ['x', 'x', 'x'],
      ['y', 'y', 'y'],
    ])
    await assertEmpty(pool)
  })

  test('and so do content, lookup and onConnect', async () => {
    const seen: string[] = []
    const note = (what: string) => void seen.push(`${what} in ${storage.getStore()}`)
    const pool = new ScriptedPool({
      limits: { maxConnections: 1 },
      lookup: (_host, _options, callback) => {
        note('lookup')
        callback(null, '10.0.0.1', 4)
      },
      onConnect: () => note('onConnect'),
    })
    async function* content() {
      note('content')
      yield 'x'
      note('content')
    }
    storage.run('first', () => pool.start('http://b.test', '/1'))
    storage.run('second', () => pool.start(A, '/2', { method: 'POST', body: content() }))
    await settle()
    storage.run('other', () => at(pool.sockets, 0).receive(OK))
    await settle()
    assert.ok(pool.wasSent('/2'))
    assert.deepEqual(seen, [
      'lookup in first',
      'onConnect in first',
      'lookup in second',
      'onConnect in second',
      'content in second',
      'content in second',
    ])
    await assertEmpty(pool)
  })
})

describe('13 listeners', () => {
  /** Returns the warnings of the process while `work` runs. */
  async function warningsOf(work: () => Promise<void>): Promise<string[]> {
    const warnings: string[] = []
    const note = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`)
    process.on('warning', note)
    try {
      await work()
      await settle()
    } finally {
      process.off('warning', note)
    }
    return warnings
  }

  const counted = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

  test('1,000 requests with one signal add one listener, sequentially and in parallel', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 10 } })
    const { signal } = new AbortController()
    const warnings = await warningsOf(async () => {
      await pool.send(A, '/', { signal })
      assert.equal(counted(signal), 1)
      at(pool.sockets, 0).receive(OK)
      for (let i = 0; i < 500; i++) {
        pool.start(A, '/', { signal })
        at(pool.sockets, 0).receive(OK)
        assert.equal(counted(signal), 0)
      }
      const calls = Array.from({ length: 500 }, () => pool.start(A, '/', { signal }))
      await settle()
      while (calls.some(({ endCount }) => endCount === 0)) {
        for (const socket of pool.sockets) if (pool.stats().active > 0) socket.receive(OK)
      }
    })
    assert.deepEqual(warnings, [])
    assert.equal(counted(signal), 0)
    await assertEmpty(pool)
  })

  test('are removed, however a request ends', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { signal } = new AbortController()
    const ends: [name: string, end: (asked: ReturnType<ScriptedPool['start']>) => unknown][] = [
      ['aborted', ({ control }) => control?.abort()],
      ['complete', () => pool.backend.socket.receive(OK)],
      ['reset', () => pool.backend.socket.reset()],
      ['timed out', () => pool.backend.clock.advance(100)],
      ['invalid', () => pool.backend.socket.receive('nonsense\r\n\r\n')],
    ]
    for (const [name, end] of ends) {
      const timeouts = { read: 100 }
      const call = await pool.send('http://c.test', '/', { signal, timeouts, method: 'POST' })
      assert.equal(counted(signal), 1, name)
      await end(call)
      await settle()
      assert.equal(call.endCount, 1, name)
      assert.equal(counted(signal), 0, name)
    }
    pool.start(A, 'refused', { signal })
    assert.equal(counted(signal), 0)
    pool.backend.autoConnect = false
    await pool.send(A, '/dialled', { signal })
    await pool.send(A, '/waiting', { signal })
    assert.equal(counted(signal), 1)
    await pool.close()
    assert.equal(counted(signal), 0)
    await assertEmpty(pool)
  })

  test('a signal aborts all requests that have it', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 10 }, () => pool.start(A, '/', { signal }))
    await settle()
    controller.abort('why')
    await settle()
    assert.ok(calls.every(({ error }) => error === 'why'))
    assert.equal(counted(signal), 0)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('a request adds no listener to an EventEmitter', async () => {
    const { on } = EventEmitter.prototype
    const added: unknown[] = []
    const pool = new ScriptedPool()
    await pool.warm(A)
    EventEmitter.prototype.on = function (this: EventEmitter, name, listener) {
      added.push(name)
      return on.call(this, name, listener)
    }
    try {
      for (let i = 0; i < 10; i++) {
        pool.start(A)
        at(pool.sockets, 0).receive(OK)
      }
    } finally {
      EventEmitter.prototype.on = on
    }
    assert.deepEqual(added, [])
    await assertEmpty(pool)
  })
})

describe('22 a polluted Object.prototype', () => {
  const pollution = {
    method: 'DELETE',
    path: '/evil',
    origin: 'http://evil.test',
    headers: { evil: 'yes' },
    body: 'evil',
    trailers: { evil: 'yes' },
    timeouts: { read: -1 },
    timeout: 1,
    signal: AbortSignal.abort(),
    copy: true,
    limits: { maxConnections: 1 },
    maxConnections: 1,
    keepaliveExpiry: 0,
    tls: { rejectUnauthorized: false },
    rejectUnauthorized: false,
    uds: '/evil',
    lookup: () => assert.fail('lookup'),
    onConnect: () => assert.fail('onConnect'),
    trace: () => assert.fail('trace'),
    localAddress: '6.6.6.6',
    connect: 1,
    read: 1,
    total: 1,
    max: 0,
    all: false,
    cause: 'evil',
  }

  async function wireOf(polluted: boolean): Promise<string> {
    const run = <T>(work: () => T): T =>
      polluted ? withPollutedPrototype(pollution, work) : work()
    const pool = run(() => new ScriptedPool({}))
    const promise = run(() => pool.request({ origin: 'https://a.test', path: '/mine' }))
    await settle()
    const { socket } = pool.backend
    run(() => socket.receive(OK))
    const response = await promise
    assert.equal((await run(() => response.bytes())).length, 2)
    await assertEmpty(pool)
    return JSON.stringify([socket.written, socket.target, socket.tls])
  }

  test('does not change requests and connections', async () => {
    assert.equal(await wireOf(true), await wireOf(false))
  })

  test('does not make the chunks of handlers owned', async () => {
    const memories = await Promise.all(
      [false, true].map(async (polluted) => {
        const run = <T>(work: () => T): T =>
          polluted ? withPollutedPrototype(pollution, work) : work()
        const pool = new ScriptedPool()
        let memory: ArrayBufferLike | null = null
        const handler: DispatchHandler = {
          onHead() {},
          onData: ({ buffer }) => {
            memory = buffer
          },
          onEnd() {},
          onError: (error) => assert.fail(String(error)),
        }
        run(() => pool.dispatch({ origin: A, path: '/' }, handler))
        await settle()
        run(() => at(pool.sockets, 0).receive(OK))
        await assertEmpty(pool)
        return memory
      }),
    )
    assert.ok(memories[0] !== null)
    assert.equal(memories[0], memories[1])
  })
})
