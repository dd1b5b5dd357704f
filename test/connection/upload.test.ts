// Request bodies, and responses that arrive before a body was sent.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { Body, DispatchRequest } from '../../src/engine.ts'
import {
  LocalProtocolError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  WriteError,
  WriteTimeout,
} from '../../src/engine.ts'
import type { RecordedDispatch } from '../support/pool-harness.ts'
import { assertError, OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { contentOf, ManualSource } from './manual-source.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

// --- the bytes that are sent

/** Bodies, and the bytes that are sent after the head: with a Content-Length or in chunks. */
const bodies: Record<string, { body: () => Body; withLength?: string; chunked?: string }> = {
  'an empty string': { body: () => '', withLength: '' },
  'a string': { body: () => 'h\u{e9}llo', withLength: 'h\xc3\xa9llo' },
  bytes: { body: () => encode('hello'), withLength: 'hello' },
  'a view into a larger buffer': {
    body: () => Buffer.from('__hello__').subarray(2, 7),
    withLength: 'hello',
  },
  'a long string': { body: () => 'x'.repeat(100_000), withLength: 'x'.repeat(100_000) },
  'bytes of several slices': {
    body: () => Buffer.alloc(5 << 19, 'y'),
    withLength: 'y'.repeat(5 << 19),
  },
  'no chunks': { body: () => [], chunked: '0\r\n\r\n' },
  'only empty chunks': { body: () => ['', new Uint8Array()], chunked: '0\r\n\r\n' },
  'an array with empty chunks': {
    body: () => ['', 'he', '', encode('llo'), ''],
    chunked: '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  },
  'strings with non-ASCII characters': {
    body: () => ['\u{e9}', '\u{1f600}'],
    chunked: '2\r\n\xc3\xa9\r\n4\r\n\xf0\x9f\x98\x80\r\n0\r\n\r\n',
  },
  'a generator': {
    body: function* () {
      yield 'he'
      yield 'llo'
    } as () => Body,
    chunked: '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  },
  'an async generator': {
    body: async function* () {
      yield 'he'
      await settle()
      yield 'llo'
    } as () => Body,
    chunked: '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  },
  'a Node stream': {
    body: () => Readable.from(['he', encode('llo')], { objectMode: false }),
    chunked: '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  },
  'a ReadableStream': {
    body: () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(encode('he'))
          controller.enqueue(encode('llo'))
          controller.close()
        },
      }) as unknown as Body,
    chunked: '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
  },
  'chunks of 16 KiB and one more': {
    body: () => ['a'.repeat(16_384), 'b'.repeat(16_385)],
    chunked: `4000\r\n${'a'.repeat(16_384)}\r\n4001\r\n${'b'.repeat(16_385)}\r\n0\r\n\r\n`,
  },
  'an iterator with promises of another realm': {
    body: () => {
      const promise = runInNewContext('(value) => Promise.resolve(value)')
      const steps = [
        { value: 'hello', done: false },
        { value: undefined, done: true },
      ]
      return { [Symbol.asyncIterator]: () => ({ next: () => promise(steps.shift()) }) } as Body
    },
    chunked: '5\r\nhello\r\n0\r\n\r\n',
  },
}

for (const [name, { body, withLength, chunked }] of Object.entries(bodies)) {
  for (const blocking of [false, true]) {
    test(`R6 a body that is ${name}${blocking ? ', a slow socket' : ''}`, async () => {
      const harness = new PoolHarness()
      const socket = await harness.openIdleConnection()
      if (blocking) socket.block()
      const call = await harness.send({ method: 'POST', body: body() })
      if (blocking) {
        for (let turn = 0; turn < 20; turn++) {
          socket.unblock(Number.MAX_SAFE_INTEGER)
          await settle()
        }
        socket.unblock()
      }
      await settle()
      await settle()
      const framing =
        chunked === undefined
          ? `Content-Length: ${withLength?.length}`
          : 'Transfer-Encoding: chunked'
      assert.ok(socket.written.includes(`\r\n${framing}\r\n`))
      assert.ok(
        contentOf(socket.written) === (withLength ?? chunked),
        contentOf(socket.written).slice(0, 99),
      )
      await harness.receive(OK)
      assert.equal(call.events.at(-1), 'end')
      assert.equal(harness.pool.stats().idle, 1)
      await harness.finish()
    })
  }
}

test('14, R6 no chunk is read from a body before the socket has taken the previous one', async () => {
  const harness = new PoolHarness()
  const socket = await harness.openIdleConnection()
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  assert.equal(source.nextCalls, 1)
  socket.block()
  await source.give('abc')
  await source.give('ignored')
  assert.equal(source.nextCalls, 1)
  socket.unblock()
  await settle()
  assert.equal(source.nextCalls, 2)
  await source.give('def')
  await source.end()
  assert.equal(contentOf(socket.written), '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n')
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  assert.equal(source.returnCalls, 0) // it was read to its end
  await harness.finish()
})

test('14 no chunk is read from a body while the head waits for the socket', async () => {
  const harness = new PoolHarness()
  const socket = await harness.openIdleConnection()
  const source = new ManualSource()
  socket.block()
  const call = await harness.send({ method: 'POST', body: source })
  assert.equal(source.nextCalls, 0)
  socket.unblock()
  await settle()
  assert.equal(source.nextCalls, 1)
  await source.end()
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

const trailers: Record<string, DispatchRequest['trailers']> = {
  'a record': { A: 'b' },
  'a function': () => ({ A: 'b' }),
}

for (const [name, given] of Object.entries(trailers)) {
  for (const body of ['hello', ['hello']] as Body[]) {
    test(`R11 trailers: ${name}, after ${typeof body === 'string' ? 'a string' : 'an array'}`, async () => {
      const harness = new PoolHarness()
      const call = await harness.send({ method: 'POST', body, trailers: given })
      assert.equal(contentOf(harness.socket.written), '5\r\nhello\r\n0\r\nA: b\r\n\r\n')
      await harness.receive(OK)
      assert.equal(call.events.at(-1), 'end')
      await harness.finish()
    })
  }
}

test('R11 a field that must not be a trailer is refused before anything is written', async () => {
  for (const name of ['Content-Length', 'Host', 'transfer-encoding', 'Authorization', 'a b']) {
    const harness = new PoolHarness()
    const call = await harness.send({ method: 'POST', body: 'hello', trailers: { [name]: '5' } })
    assertError(call.error, LocalProtocolError, { bytesSent: 0 })
    assert.equal(harness.backend.sockets.length, 0)
    await harness.finish()
  }
})

// --- invalid and failing bodies

const boom = new Error('boom')

const failures: Record<
  string,
  {
    request: () => Partial<DispatchRequest>
    type: typeof LocalProtocolError | typeof WriteError
    message: RegExp
    /** The bytes that were sent after the head. */
    content: string
    cause?: Error
  }
> = {
  'longer than its length, in one piece': {
    request: () => ({ headers: { 'Content-Length': '4' }, body: ['hello'] }),
    type: LocalProtocolError,
    message: /body is longer than its Content-Length/,
    content: '',
  },
  'longer than its length, in pieces': {
    request: () => ({ headers: { 'Content-Length': '4' }, body: ['he', 'llo'] }),
    type: LocalProtocolError,
    message: /body is longer than its Content-Length/,
    content: 'he',
  },
  'longer than its length, asynchronously': {
    request: () => ({ headers: { 'Content-Length': '4' }, body: Readable.from(['he', 'llo']) }),
    type: LocalProtocolError,
    message: /body is longer than its Content-Length/,
    content: 'he',
  },
  'not empty, with a length of 0': {
    request: () => ({ headers: { 'Content-Length': '0' }, body: ['x'] }),
    type: LocalProtocolError,
    message: /body is longer than its Content-Length/,
    content: '',
  },
  'shorter than its length': {
    request: () => ({ headers: { 'Content-Length': '6' }, body: ['he', 'llo'] }),
    type: LocalProtocolError,
    message: /body is 1 bytes shorter than its Content-Length/,
    content: 'hello',
  },
  'empty, with a length': {
    request: () => ({ headers: { 'Content-Length': '6' }, body: [] }),
    type: LocalProtocolError,
    message: /body is 6 bytes shorter than its Content-Length/,
    content: '',
  },
  'not bytes': {
    request: () => ({ body: ['he', 5 as unknown as string] }),
    type: LocalProtocolError,
    message: /body yielded a value that is neither a string nor bytes/,
    content: '2\r\nhe',
  },
  'null after a chunk': {
    request: () => ({ body: ['he', null as unknown as string] }),
    type: LocalProtocolError,
    message: /body yielded a value that is neither a string nor bytes/,
    content: '2\r\nhe',
  },
  'no iterator result': {
    request: () => ({ body: { [Symbol.iterator]: () => ({ next() {} }) } as unknown as Body }),
    type: LocalProtocolError,
    message: /body has an iterator whose next\(\) did not return an object/,
    content: '',
  },
  'no iterator result, later': {
    request: () => ({
      body: { [Symbol.asyncIterator]: () => ({ async next() {} }) } as unknown as Body,
    }),
    type: LocalProtocolError,
    message: /body has an iterator whose next\(\) did not return an object/,
    content: '',
  },
  'a generator that throws': {
    request: () => ({
      body: (function* () {
        yield 'he'
        throw boom
      })(),
    }),
    type: WriteError,
    message: /Could not read the request body: boom/,
    content: '2\r\nhe',
    cause: boom,
  },
  'an async generator that throws': {
    request: () => ({
      body: (async function* () {
        yield 'he'
        throw boom
      })(),
    }),
    type: WriteError,
    message: /Could not read the request body: boom/,
    content: '2\r\nhe',
    cause: boom,
  },
  'an iterable without an iterator': {
    request: () => ({
      body: {
        [Symbol.asyncIterator]() {
          throw boom
        },
      } as unknown as Body,
    }),
    type: WriteError,
    message: /Could not read the request body: boom/,
    content: '',
    cause: boom,
  },
  'a stream that is destroyed': {
    request: () => ({
      body: new Readable({
        read() {
          this.destroy(boom)
        },
      }),
    }),
    type: WriteError,
    message: /Could not read the request body: boom/,
    content: '',
    cause: boom,
  },
  'trailers that throw': {
    request: () => ({
      body: ['he'],
      trailers: () => {
        throw boom
      },
    }),
    type: WriteError,
    message: /Could not read the request body: boom/,
    content: '2\r\nhe',
    cause: boom,
  },
}

for (const [name, { request, type, message, content, cause }] of Object.entries(failures)) {
  for (const blocking of [false, true]) {
    test(`R6 a body that is ${name}${blocking ? ', a slow socket' : ''}`, async () => {
      const harness = new PoolHarness()
      const socket = await harness.openIdleConnection()
      if (blocking) socket.block()
      const call = await harness.send({ method: 'PUT', ...request() })
      for (let turn = 0; turn < 9; turn++) {
        socket.unblock(9999)
        await settle()
      }
      assert.equal(contentOf(socket.written), content)
      const facts = { bytesSent: socket.written.length, phase: 'write', safeToRetry: false, cause }
      assertError(call.error, type, facts)
      assert.match((call.error as Error).message, message)
      assert.match((call.error as Error).message, /\(PUT http:\/\/h\.test\/, after 0 ms\)$/)
      assert.deepEqual(harness.closeReasons, ['request-failed'])
      await harness.finish()
    })
  }
}

test('an invalid body is closed, one that has thrown is not', async () => {
  const closed: string[] = []
  function* source(name: string, ...values: unknown[]): Generator<string> {
    try {
      for (const value of values) {
        if (value instanceof Error) throw value
        yield value as string
      }
    } finally {
      closed.push(name)
    }
  }
  const iterator = (values: unknown[]) => ({
    [Symbol.iterator]: () => ({
      next: () => ({ value: values.shift() as string, done: false }),
      return: () => {
        closed.push('return')
        return { value: undefined, done: true as const }
      },
    }),
  })
  const failing = {
    [Symbol.iterator]: () => ({
      next: () => {
        throw boom
      },
      return: () => {
        closed.push('never')
        return { value: undefined, done: true as const }
      },
    }),
  }
  const wrong = [source('generator', 'he', 5), iterator(['he', 5]), failing]
  for (const body of wrong) {
    const harness = new PoolHarness()
    const call = await harness.send({ method: 'PUT', body: body as Body })
    assert.ok(call.hasEnded)
    await harness.finish()
  }
  assert.deepEqual(closed, ['generator', 'return'])
})

test('a body may throw, reject or never settle when it is closed', async () => {
  const returns: (() => unknown)[] = [
    () => {
      throw boom
    },
    () => Promise.reject(boom),
    () => new Promise(() => {}),
    () => undefined,
  ]
  for (const close of returns) {
    const harness = new PoolHarness()
    const body = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: close }),
    }
    const call = await harness.send({ method: 'POST', body: body as unknown as Body })
    call.abort('enough')
    await settle()
    assert.equal(call.error, 'enough')
    await harness.finish()
  }
})

test('a body may abort the request: when its iterator is created, and when it is closed', async () => {
  let closed = 0
  let call: RecordedDispatch | undefined
  const close = () => {
    closed++
    return { value: undefined, done: true as const }
  }
  const askedFor = {
    [Symbol.iterator]() {
      call?.abort('enough')
      return { next: () => assert.fail('asked'), return: close }
    },
  }
  const harness = new PoolHarness()
  call = harness.dispatch({ method: 'POST', body: askedFor as unknown as Body })
  await settle()
  assert.deepEqual(call.events, ['error enough'])
  assert.equal(closed, 1)

  const whenClosed = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: async () => {
        call?.abort('enough')
        return close()
      },
    }),
  }
  call = await harness.send({ method: 'POST', body: whenClosed })
  await harness.receive('HTTP/1.1 413 x\r\nContent-Length: 5\r\n\r\n')
  assert.deepEqual(call.events, ['error enough'])
  assert.equal(closed, 2)
  await harness.finish()
})

test('the body is read in the async context of `dispatch`', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const note = () => void seen.push(storage.getStore())
  const content = {
    [Symbol.asyncIterator]: () => {
      note()
      let steps = 0
      return {
        next: async () => {
          note()
          await settle()
          return { value: 'x', done: steps++ > 1 }
        },
        return: async () => {
          note()
          return { value: undefined, done: true }
        },
      }
    },
  } as Body
  const trailing = () => {
    note()
    return { A: 'b' }
  }
  const harness = new PoolHarness()
  await storage.run('before', () => harness.openIdleConnection())
  await storage.run('mine', () =>
    harness.send({ method: 'POST', body: content, trailers: trailing }),
  )
  for (let turn = 0; turn < 9; turn++) await storage.run('other', () => settle())
  await storage.run('other', () => harness.receive(OK))
  await storage.run('mine', () =>
    harness.send({ method: 'POST', body: 'bytes', trailers: trailing }),
  )
  await storage.run('other', () => harness.receive(OK))
  const large = Buffer.alloc(3 << 20)
  harness.socket.block()
  await storage.run('mine', () => harness.send({ method: 'POST', body: large, trailers: trailing }))
  for (let turn = 0; turn < 9; turn++) {
    await storage.run('other', async () => harness.socket.unblock(9e9))
    await settle()
  }
  harness.socket.unblock()
  await storage.run('other', () => harness.receive(OK))
  const last = await storage.run('mine', () => harness.send({ method: 'POST', body: content }))
  storage.run('other', () => last.abort())
  await settle()
  assert.ok(seen.length >= 10)
  assert.deepEqual(new Set(seen), new Set(['mine']))
  await harness.finish()
})

// --- early responses: RFC 9112 9.5, hazard 15

const ERROR = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\n'

test('15, S12 413 during the upload: it is delivered, and the rest of the body is not sent', async () => {
  const harness = new PoolHarness()
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await source.give('abc')
  await harness.receive(ERROR)
  assert.equal(source.returnCalls, 1) // closed now, without waiting for the response body
  const { written } = harness.socket
  await source.give('def')
  await harness.receive('err')
  assert.deepEqual(call.events, ['head 413', 'data err', 'end'])
  assert.equal(harness.socket.written, written)
  assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
  assert.equal(source.returnCalls, 1)
  await harness.finish()
})

test('15, S12 413 and then silence: the read timeout applies in every state of the upload', async () => {
  for (const at of ['source', 'socket'] as const) {
    const harness = new PoolHarness({ timeouts: { read: 1000, write: 400 } })
    const source = new ManualSource()
    const call = await harness.send({ method: 'POST', body: source })
    if (at === 'socket') harness.socket.block()
    await source.give('abc')
    await harness.receive(ERROR)
    await harness.clock.advance(999)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, ReadTimeout, { phase: 'read', responseStarted: true })
    await harness.finish()
  }
})

test('15, S12 413 while large bytes are being sent', async () => {
  const harness = new PoolHarness()
  const socket = await harness.openIdleConnection()
  socket.block()
  const call = await harness.send({ method: 'POST', body: Buffer.alloc(4 << 20) })
  const { length } = socket.written
  await harness.receive(`${ERROR}err`)
  socket.unblock()
  await settle()
  assert.deepEqual(call.events, ['head 413', 'data err', 'end'])
  assert.equal(socket.written.length, length)
  assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
  await harness.finish()
})

test('15, S12 200 with `close` during the upload: it is delivered, and the upload ends', async () => {
  const harness = new PoolHarness()
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await source.give('abc')
  await harness.receive('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
  assert.deepEqual(call.events, ['head 200', 'data ok', 'end'])
  assert.equal(source.returnCalls, 1)
  assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
  await harness.finish()
})

test('15, S12 an echo: both directions at the same time', async () => {
  const harness = new PoolHarness()
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await harness.receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (const piece of ['abc', 'def']) {
    await source.give(piece)
    await harness.receive(`3\r\n${piece}\r\n`)
  }
  await source.end()
  await harness.receive('0\r\n\r\n')
  assert.deepEqual(call.events, ['head 200', 'data abc', 'data def', 'end'])
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('the response stalls after the upload: a ReadTimeout in phase read', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await harness.receive(OK.slice(0, -1))
  await harness.clock.advance(500)
  await source.give('abc')
  await source.end()
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'read', responseStarted: true })
  await harness.finish()
})

// --- failed writes

const EPIPE = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })

const failingBodies: Record<string, (source: ManualSource) => Body> = {
  'an iterable': (source) => source,
  'large bytes': () => Buffer.alloc(3 << 20),
  'a small body': () => 'small',
}

for (const [name, body] of Object.entries(failingBodies)) {
  async function broken(timeouts = {}) {
    const harness = new PoolHarness({ timeouts })
    const socket = await harness.openIdleConnection()
    const source = new ManualSource()
    const call = harness.dispatch({ method: 'POST', body: body(source) })
    if (name === 'an iterable') await settle()
    socket.failWrites(EPIPE)
    if (name === 'a small body') socket.handler.onWriteError(EPIPE)
    await source.give('abc')
    await settle()
    if (name === 'an iterable') assert.equal(source.returnCalls, 1)
    assert.equal(call.hasEnded, false)
    return { harness, socket, call }
  }

  test(`15, S12 EPIPE, then a response: ${name}`, async () => {
    const { harness, socket, call } = await broken()
    await harness.receive(`${ERROR}err`)
    assert.deepEqual(call.events, ['head 413', 'data err', 'end'])
    assert.ok(socket.destroyed)
    await harness.finish()
  })

  for (const how of ['FIN', 'reset'] as const) {
    test(`15 EPIPE without a response, then ${how}: ${name}`, async () => {
      const { harness, socket, call } = await broken()
      if (how === 'FIN') socket.receiveEnd()
      else socket.reset()
      await settle()
      assertError(call.error, WriteError, {
        responseStarted: false,
        reusedConnection: true,
        safeToRetry: false,
      })
      assert.match(
        (call.error as Error).message,
        /^Could not send the request: write EPIPE \(POST /,
      )
      await harness.finish()
    })

    test(`15 EPIPE, a part of a response, then ${how}: ${name}`, async () => {
      const { harness, socket, call } = await broken()
      await harness.receive(ERROR)
      if (how === 'FIN') socket.receiveEnd()
      else socket.reset()
      await settle()
      assertError(call.error, how === 'FIN' ? RemoteProtocolError : ReadError, {
        responseStarted: true,
      })
      await harness.finish()
    })
  }

  if (name === 'an iterable') {
    test('15 EPIPE before the body was read: it is not read', async () => {
      const harness = new PoolHarness()
      const socket = await harness.openIdleConnection()
      const source = new ManualSource()
      socket.failWrites(EPIPE)
      const call = await harness.send({ method: 'PUT', body: source })
      assert.equal(source.nextCalls, 0)
      socket.receiveEnd() // the request is sent again
      await settle()
      assert.equal(source.nextCalls, 1)
      await source.end()
      await harness.receive(OK)
      assert.equal(call.events.at(-1), 'end')
      await harness.finish()
    })
  }

  test(`15 EPIPE and then silence: the read timeout applies: ${name}`, async () => {
    const { harness, call } = await broken({ read: 1000 })
    await harness.clock.advance(999)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, ReadTimeout, { responseStarted: false, safeToRetry: false })
    await harness.finish()
  })
}

// --- Expect: 100-continue

const EXPECT = { method: 'POST', headers: ['Expect', '100-continue'], body: 'hello' }

test('16, R10 100 starts the upload', async () => {
  const harness = new PoolHarness()
  const call = await harness.send(EXPECT)
  await harness.clock.advance(500)
  assert.equal(contentOf(harness.socket.written), '')
  await harness.receive('HTTP/1.1 100 Continue\r\n\r\n')
  assert.equal(contentOf(harness.socket.written), 'hello')
  await harness.clock.advance(700)
  assert.equal(contentOf(harness.socket.written), 'hello') // once
  await harness.receive(OK)
  assert.deepEqual(call.events, ['100', 'head 200', 'data ok', 'end'])
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('16, R10 without 100 the upload starts after 1000 ms', async () => {
  for (const between of ['', 'HTTP/1.1 102 Processing\r\n\r\n']) {
    const harness = new PoolHarness()
    const call = await harness.send(EXPECT)
    if (between !== '') await harness.receive(between)
    await harness.clock.advance(999)
    assert.equal(contentOf(harness.socket.written), '')
    await harness.clock.advance(1)
    assert.equal(contentOf(harness.socket.written), 'hello')
    await harness.receive('HTTP/1.1 100 Continue\r\n\r\n') // late, without effect
    assert.equal(contentOf(harness.socket.written), 'hello')
    await harness.receive(OK)
    assert.equal(call.events.at(-1), 'end')
    await harness.finish()
  }
})

test('16, R10, S12 a final response instead of 100: the body is neither read nor sent', async () => {
  for (const status of [200, 204, 302, 401, 413]) {
    const harness = new PoolHarness()
    const source = new ManualSource()
    const call = await harness.send({ ...EXPECT, body: source })
    await harness.receive(
      `HTTP/1.1 ${status} x\r\n${status === 204 ? '' : 'Content-Length: 0\r\n'}\r\n`,
    )
    assert.deepEqual(call.events, [`head ${status}`, 'end'], `${status}`)
    await harness.clock.advance(5000)
    assert.equal(contentOf(harness.socket.written), '')
    assert.equal(source.nextCalls, 0)
    assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
    await harness.finish()
  }
})

const REFUSED = 'HTTP/1.1 417 x\r\nContent-Length: 3\r\n\r\nno!'

for (const [name, body] of Object.entries({
  'a string': () => 'hello',
  'large bytes': () => Buffer.alloc(3 << 20, 'x'),
  'an iterable': () => ['hel', 'lo'],
  'an async iterable': async function* () {
    yield 'hello'
  },
} as Record<string, () => Body>)) {
  test(`16, R10 417 instead of 100: sent again without Expect, on a new connection: ${name}`, async () => {
    const harness = new PoolHarness()
    const first = await harness.openIdleConnection()
    const headers = ['A', 'b', 'expect', '100-Continue', 'C', 'd']
    const call = await harness.send({ method: 'POST', headers, body: body(), trailers: undefined })
    const asked = first.written
    await harness.receive(`HTTP/1.1 103 x\r\n\r\n${REFUSED}`)
    await settle()
    assert.deepEqual(call.events, ['103'])
    assert.equal(contentOf(asked), '')
    assert.ok(first.closed)
    const { written } = harness.socket
    const head = written.slice(0, written.indexOf('\r\n\r\n') + 4)
    assert.equal(head, asked.replace('expect: 100-Continue\r\n', ''))
    assert.match(
      contentOf(written),
      /^(hello|x{3145728}|3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n|5\r\nhello\r\n0\r\n\r\n)$/,
    )
    await harness.receive(OK)
    assert.deepEqual(call.events, ['103', 'head 200', 'data ok', 'end'])
    assert.equal(harness.backend.sockets.length, 2)
    await harness.finish()
  })
}

test('16, R10 417: every Expect field is removed', async () => {
  const harness = new PoolHarness()
  const headers = ['Expect', '100-continue', 'A', 'b', 'expect', '100-continue']
  const call = await harness.send({ method: 'POST', headers, body: 'hello' })
  await harness.receive(REFUSED)
  await settle()
  const { written } = harness.socket
  assert.doesNotMatch(written, /expect/i)
  assert.match(written, /\r\nA: b\r\n(?:.|\r\n)*\r\n\r\nhello$/)
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('16, R10 any other 417 is delivered: without Expect, after a repetition, after the body', async () => {
  const harness = new PoolHarness()
  const plain = await harness.send({ method: 'POST', body: 'hello' })
  await harness.receive(REFUSED)
  const again = await harness.send(EXPECT)
  await harness.receive(REFUSED)
  await harness.receive(REFUSED)
  const late = await harness.send(EXPECT)
  await harness.receive('HTTP/1.1 100 Continue\r\n\r\n')
  await harness.receive(REFUSED)
  for (const call of [plain, again]) assert.equal(call.events[0], 'head 417')
  assert.deepEqual(late.events, ['100', 'head 417', 'data no!', 'end'])
  await harness.finish()
})

test('417, then the second connection fails, times out or is aborted', async () => {
  const harness = new PoolHarness({ timeouts: { connect: 1000 } })
  const ends: (() => unknown)[] = [
    () => harness.socket.reset(),
    () => harness.clock.advance(1000),
    () => call?.abort('enough'),
  ]
  let call: RecordedDispatch | undefined
  for (const end of ends) {
    harness.backend.autoConnect = true
    call = await harness.send(EXPECT)
    harness.backend.autoConnect = false
    await harness.receive(REFUSED)
    assert.deepEqual(call.events, [])
    await end()
    await settle()
    assert.ok(call.hasEnded)
    if (call.error === 'enough') continue
    assertError(call.error, Error, {
      phase: 'tcp',
      bytesSent: 0,
      responseStarted: false,
      reusedConnection: false,
      safeToRetry: true,
    })
  }
  await harness.finish()
})

test('a part of a final response instead of 100: the read timeout applies', async () => {
  const harness = new PoolHarness({ timeouts: { read: 3000 } })
  const call = await harness.send(EXPECT)
  await harness.receive('HTTP/1.1 401 x\r\nContent-Length: 5\r\n\r\n')
  await harness.clock.advance(2999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'read' })
  await harness.finish()
})

test('16, R10 the read timeout applies to the response, not to the wait for 100', async () => {
  const harness = new PoolHarness({ timeouts: { read: 200 } })
  const call = await harness.send(EXPECT)
  await harness.clock.advance(1199)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'wait' })
  await harness.finish()
})

test('the upload after a 100 blocks: the write timeout applies', async () => {
  for (const way of ['100', 'silence'] as const) {
    const harness = new PoolHarness({ timeouts: { write: 700 } })
    const call = await harness.send({ ...EXPECT, body: Buffer.alloc(3 << 20) })
    harness.socket.block()
    if (way === '100') await harness.receive('HTTP/1.1 100 Continue\r\n\r\n')
    else await harness.clock.advance(1000)
    await harness.clock.advance(699)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, WriteTimeout, { phase: 'write' }, way)
    await harness.finish()
  }
})

test('a body that fails after a 100', async () => {
  const harness = new PoolHarness()
  function* failing(): Generator<string> {
    yield 'a'
    throw boom
  }
  const call = await harness.send({ ...EXPECT, body: failing() })
  await harness.receive('HTTP/1.1 100 Continue\r\n\r\n')
  assertError(call.error, WriteError, { cause: boom })
  assert.deepEqual(call.events, ['error WriteError'])
  await harness.finish()
})

test('16, 26, S3 unrequested 100 responses are ignored', async () => {
  const harness = new PoolHarness()
  const call = await harness.send()
  await harness.receive('HTTP/1.1 100 Continue\r\n\r\n'.repeat(20))
  await harness.receive(OK)
  assert.deepEqual(call.events, [...new Array(20).fill('100'), 'head 200', 'data ok', 'end'])
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})
