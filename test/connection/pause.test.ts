// Back-pressure: bytes that arrive during a pause are kept, and delivered in order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadError, RemoteProtocolError } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import type { HandlerActions } from '../support/pool-harness.ts'
import { assertError, OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\n'

const pausing: HandlerActions = { onData: () => false }

/** The same ten bytes in each framing, cut into reads. */
const framings: Record<string, { reads: string[]; end?: boolean }> = {
  'a length': { reads: [`${SIZED}he`, 'llo', 'wo', 'rld'] },
  chunks: {
    reads: [`${CHUNKED}2\r\nhe\r\n`, '3\r\nllo', '\r\n5\r', '\nworld\r\n0\r\nA: ', 'b\r\n\r\n'],
  },
  'until close': { reads: [`${UNTIL_CLOSE}he`, 'llo', 'wo', 'rld'], end: true },
}

for (const [framing, { reads, end }] of Object.entries(framings)) {
  for (const late of [false, true]) {
    for (const copy of [false, true]) {
      const name = `${framing}${late ? ', late' : ''}${copy ? ', copied' : ''}`

      test(`38 a pause after each piece: ${name}`, async () => {
        const harness = new PoolHarness()
        const call = await harness.send({ copy }, pausing)
        for (const read of reads) harness.socket.receive(read, { late })
        if (end) harness.socket.receiveEnd({ late })
        await settle()
        assert.deepEqual(call.events, ['head 200', 'data he'])
        assert.ok(harness.socket.paused)
        assert.equal(harness.pool.stats().active, 1)
        for (let turn = 0; !call.hasEnded && turn < 20; turn++) {
          const before = call.events.length
          await harness.clock.advance(100_000)
          assert.equal(call.events.length, before, 'a handler was called during a pause')
          call.resume()
          await settle()
        }
        assert.equal(call.body, 'helloworld')
        assert.equal(call.events.at(-1), 'end')
        if (framing === 'chunks') assert.deepEqual([...call.trailers!], [['A', 'b']])
        assert.equal(harness.pool.stats().idle, end ? 0 : 1)
        await harness.finish()
      })

      test(`one pause, after the first piece: ${name}`, async () => {
        const harness = new PoolHarness()
        let first = true
        const call = await harness.send(
          { copy },
          {
            onData: () => {
              const answer = !first
              first = false
              return answer
            },
          },
        )
        await harness.receive(at(reads, 0))
        harness.socket.receive(at(reads, 1), { late })
        await settle()
        assert.deepEqual(call.events, ['head 200', 'data he'])
        call.resume()
        await settle()
        assert.ok(!harness.socket.paused)
        for (const read of reads.slice(2)) await harness.receive(read)
        if (end) harness.socket.receiveEnd()
        await settle()
        assert.equal(call.body, 'helloworld')
        assert.equal(call.events.at(-1), 'end')
        await harness.finish()
      })
    }
  }
}

for (const [framing, { reads, end }] of Object.entries(framings)) {
  test(`one pause, all later reads arrive during it: ${framing}`, async () => {
    const harness = new PoolHarness()
    let pauses = 1
    const call = await harness.send({}, { onData: () => pauses-- <= 0 })
    for (const read of reads) harness.socket.receive(read, { late: true })
    if (end) harness.socket.receiveEnd({ late: true })
    await settle()
    assert.deepEqual(call.events, ['head 200', 'data he'])
    call.resume()
    await settle()
    assert.equal(call.body, 'helloworld')
    assert.equal(call.events.at(-1), 'end')
    await harness.finish()
  })
}

test('a pause that ends at any byte of a chunked message', async () => {
  const rest = '3;x\r\nllo\r\n5\r\nworld\r\n0\r\nA: b\r\nCde: fgh\r\n\r\n'
  for (let at = 0; at <= rest.length; at++) {
    const harness = new PoolHarness()
    let pauses = 1
    const call = await harness.send({}, { onData: () => pauses-- <= 0 })
    await harness.receive(`${CHUNKED}2\r\nhe\r\n`)
    // The socket asked for the first target before the pause, and for the next one during it.
    if (at > 0) harness.socket.receive(rest.slice(0, at), { late: true })
    call.resume()
    await settle()
    if (at < rest.length) await harness.receive(rest.slice(at))
    assert.equal(call.body, 'helloworld', `cut at ${at}`)
    assert.equal(call.events.at(-1), 'end', `cut at ${at}`)
    assert.deepEqual(
      [...call.trailers!],
      [
        ['A', 'b'],
        ['Cde', 'fgh'],
      ],
      `cut at ${at}`,
    )
    await harness.finish()
  }
})

test('the backlog of a pause is copied from the window, which other connections use, too', async () => {
  const harness = new PoolHarness()
  const paused = await harness.send({}, pausing)
  const { socket } = harness
  await harness.receive(`${SIZED}he`)
  socket.receive('llo', { late: true })
  const other = await harness.send()
  await harness.receive(`${SIZED}0123456789`)
  socket.receive('wor', { late: true })
  assert.equal(other.body, '0123456789')
  for (let i = 0; i < 2; i++) {
    paused.resume()
    await settle()
  }
  paused.resume()
  await settle()
  socket.receive('ld')
  paused.resume()
  await settle()
  assert.equal(paused.body, 'helloworld')
  assert.equal(paused.events.at(-1), 'end')
  await harness.finish()
})

test('onEnd waits for the reader', async () => {
  const harness = new PoolHarness()
  const call = await harness.send({}, pausing)
  await harness.receive(OK)
  assert.deepEqual(call.events, ['head 200', 'data ok'])
  assert.equal(harness.pool.stats().active, 1)
  call.resume()
  assert.equal(call.hasEnded, false) // nothing is delivered inside `resume`
  await settle()
  assert.equal(call.events.at(-1), 'end')
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('resume inside onData cancels the pause', async () => {
  const harness = new PoolHarness()
  const call = await harness.send(
    {},
    {
      onData: (self) => {
        self.resume()
        return false
      },
    },
  )
  // `Call` reports a violation because onData returned false. Here, resume was called before.
  for (const read of [`${SIZED}he`, 'llo', 'world']) {
    call.resume()
    await harness.receive(read)
  }
  assert.deepEqual(call.events, ['head 200', 'data he', 'data llo', 'data world', 'end'])
  assert.ok(!harness.socket.paused)
  call.violations.length = 0
  await harness.finish()
})

test('resume before a delivery does not cancel its pause', async () => {
  const harness = new PoolHarness()
  const call = await harness.send({}, pausing)
  await harness.receive(SIZED)
  call.resume()
  await harness.receive('he')
  assert.ok(harness.socket.paused)
  await harness.receive('llo')
  assert.equal(call.body, 'he')
  for (const rest of ['world', '']) {
    call.resume()
    await settle()
    if (rest !== '') harness.socket.receive(rest)
  }
  call.resume()
  await settle()
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('a second resume has no effect', async () => {
  const harness = new PoolHarness()
  const call = await harness.send({}, pausing)
  harness.socket.receive(`${SIZED}he`)
  harness.socket.receive('llo', { late: true })
  harness.socket.receive('wor', { late: true })
  call.resume()
  call.resume()
  await settle()
  assert.deepEqual(call.events, ['head 200', 'data he', 'data llo'])
  call.resume()
  await settle()
  assert.equal(call.body, 'hellowor')
  call.abort(new Error('enough'))
  await settle()
  await harness.finish()
})

test('38 a pause stops the socket from reading', async () => {
  const harness = new PoolHarness()
  const call = await harness.send({}, pausing)
  await harness.receive(`${SIZED}he`)
  await harness.receive('llo') // stays in the socket
  await harness.receive('world')
  assert.equal(call.body, 'he')
  call.resume()
  await settle()
  assert.equal(call.body, 'hello')
  assert.ok(harness.socket.paused)
  call.resume()
  await settle()
  call.resume()
  await settle()
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

// --- the end of the stream during a pause

const endings: Record<
  string,
  {
    head: string
    end: (harness: PoolHarness) => void
    outcome: 'end' | typeof ReadError | typeof RemoteProtocolError
  }
> = {
  'FIN, until close': {
    head: UNTIL_CLOSE,
    end: ({ socket }) => socket.receiveEnd({ late: true }),
    outcome: 'end',
  },
  'FIN, then a reset, until close': {
    head: UNTIL_CLOSE,
    end: ({ socket }) => {
      socket.receiveEnd({ late: true })
      socket.reset()
    },
    outcome: 'end',
  },
  'FIN too early': {
    head: SIZED,
    end: ({ socket }) => socket.receiveEnd({ late: true }),
    outcome: RemoteProtocolError,
  },
  'FIN inside a chunk': {
    head: `${CHUNKED}a\r\n`,
    end: ({ socket }) => socket.receiveEnd({ late: true }),
    outcome: RemoteProtocolError,
  },
  reset: { head: SIZED, end: ({ socket }) => socket.reset(), outcome: ReadError },
  'reset, until close': {
    head: UNTIL_CLOSE,
    end: ({ socket }) => socket.reset(),
    outcome: ReadError,
  },
}

for (const [name, { head, end, outcome }] of Object.entries(endings)) {
  test(`received bytes are delivered before the end: ${name}`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send({}, pausing)
    await harness.receive(`${head}he`)
    harness.socket.receive('ll', { late: true })
    harness.socket.receive('o', { late: true })
    end(harness)
    await harness.clock.advance(100_000)
    assert.deepEqual(call.events, ['head 200', 'data he'])
    call.resume()
    await settle()
    assert.deepEqual(call.events, ['head 200', 'data he', 'data ll'])
    call.resume()
    await settle()
    assert.deepEqual(call.events.slice(3, 4), ['data o'])
    call.resume()
    await settle()
    assert.equal(call.body, 'hello')
    if (outcome === 'end') assert.equal(call.events.at(-1), 'end')
    else assertError(call.error, outcome, { phase: 'read', responseStarted: true })
    await harness.finish()
  })
}

for (const [how, end] of Object.entries({
  FIN: (harness: PoolHarness) => harness.socket.receiveEnd({ late: true }),
  reset: (harness: PoolHarness) => harness.socket.reset(),
  'late bytes': (harness: PoolHarness) => harness.socket.receive('HTTP/1.1 200', { late: true }),
})) {
  test(`complete and paused, then ${how}: the response is complete, the connection is closed`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send({}, pausing)
    await harness.receive(OK)
    end(harness)
    await settle()
    call.resume()
    await settle()
    assert.deepEqual(call.events, ['head 200', 'data ok', 'end'])
    assert.equal(harness.pool.stats().connections, 0)
    await harness.finish()
  })
}

test('complete and paused, then FIN during the upload: the exchange ends without the upload', async () => {
  const harness = new PoolHarness()
  const never: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  }
  const call = await harness.send({ method: 'POST', body: never }, pausing)
  await harness.receive(OK)
  harness.socket.receiveEnd({ late: true })
  call.resume()
  await settle()
  assert.deepEqual(call.events, ['head 200', 'data ok', 'end'])
  assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
  await harness.finish()
})

for (const pauses of [1, 2, 3]) {
  test(`24 bytes after a response are not delivered to the next request: paused ${pauses} times`, async () => {
    const harness = new PoolHarness({ limits: { maxConnections: 1 } })
    let left = pauses
    const first = await harness.send({ path: '/1' }, { onData: () => left-- <= 0 })
    const second = harness.dispatch({ path: '/2' })
    await harness.receive(`${SIZED}hello`)
    harness.socket.receive('world', { late: true })
    harness.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', { late: true })
    for (let i = 0; i < 3; i++) {
      first.resume()
      await settle()
    }
    assert.equal(first.events.at(-1), 'end')
    assert.equal(second.head, null)
    assert.deepEqual(harness.closeReasons, ['surplus-bytes'])
    await harness.receive(OK) // on another connection
    assert.equal(second.body, 'ok')
    await harness.finish()
  })
}

test('an abort or an exception while a backlog is delivered', async () => {
  for (const way of ['abort', 'throw'] as const) {
    const harness = new PoolHarness()
    let turn = 0
    const call = await harness.send(
      {},
      {
        onData: (self) => {
          if (turn++ === 0) return false
          if (way === 'throw') throw new Error('mine')
          self.abort(new Error('mine'))
          return
        },
      },
    )
    await harness.receive(`${SIZED}he`)
    for (const late of ['llo', 'wo', 'rl']) harness.socket.receive(late, { late: true })
    call.resume()
    await settle()
    assert.deepEqual(call.events, ['head 200', 'data he', 'data llo', 'error Error'])
    assert.equal((call.error as Error).message, 'mine')
    await harness.finish()
  }
})

test('a read that arrives in a pause and ends with its target does not hide later bytes', async () => {
  const harness = new PoolHarness()
  const target = 2_000_000
  let pauses = 1
  const call = await harness.send({ copy: false }, { onData: () => pauses-- <= 0 })
  await harness.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${target}\r\n\r\nhe`)
  const length = harness.socket.handler.readTarget().length
  harness.socket.receive(Buffer.alloc(length, 'x'), { late: true })
  call.resume()
  await settle()
  assert.equal(call.body.length, length + 2)
  await harness.receive(Buffer.alloc(target - length - 2, 'x'))
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()

  const again = new PoolHarness()
  pauses = 1
  const whole = await again.send({}, { onData: () => pauses-- <= 0 })
  await again.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${length + 2}\r\n\r\nhe`)
  again.socket.receive(Buffer.alloc(length, 'x'), { late: true })
  whole.resume()
  await settle()
  assert.equal(whole.events.at(-1), 'end')
  assert.deepEqual(again.closeReasons, [])
  await again.finish()
})

test('a read that fills its target at the end of the message closes the connection', async () => {
  const harness = new PoolHarness()
  const call = await harness.send()
  const { length } = harness.socket.handler.readTarget()
  const around = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n\r\n0\r\n\r\n'
  const size = length - around.length
  const head = around.replace('ffff', size.toString(16).padStart(4, '0'))
  await harness.receive(head.replace('\r\n\r\n0', `\r\n${'x'.repeat(size)}\r\n0`))
  assert.equal(call.events.at(-1), 'end')
  assert.deepEqual(harness.closeReasons, ['surplus-unknown'])
  await harness.finish()
})

test('a long chunked body, paused after each part, in reads of several sizes', async () => {
  const body = Array.from({ length: 200 }, (_, i) => `<${i}>`).join('')
  let message = CHUNKED
  for (let at = 0; at < body.length; at += 13) {
    const piece = body.slice(at, at + 13)
    message += `${piece.length.toString(16)}\r\n${piece}\r\n`
  }
  message += '0\r\nLast: yes\r\n\r\n'
  for (const size of [1, 7, 50, 400, message.length]) {
    const harness = new PoolHarness()
    const call = await harness.send({}, pausing)
    for (let at = 0; at < message.length; at += size) {
      harness.socket.receive(message.slice(at, at + size), { late: at % 3 === 0 })
      if (at % 2 === 0 && call.isPaused) {
        call.resume()
        await settle()
      }
    }
    for (let turn = 0; !call.hasEnded && turn < 10_000; turn++) {
      call.resume()
      await null
    }
    await settle()
    call.resume()
    await settle()
    assert.equal(call.body, body)
    assert.equal(call.events.at(-1), 'end')
    assert.deepEqual([...call.trailers!], [['Last', 'yes']])
    await harness.finish()
  }
})

test('owned chunks are not overwritten', async () => {
  const kept: Uint8Array[] = []
  const harness = new PoolHarness()
  const call = await harness.send({ copy: true }, { onData: (_, chunk) => void kept.push(chunk) })
  await harness.receive(`${CHUNKED}2\r\nhe\r\n`)
  await harness.receive('3\r\nllo\r\n')
  const other = await harness.send()
  await harness.receive(`${SIZED}0123456789`)
  assert.equal(other.events.at(-1), 'end')
  at(harness.backend.sockets, 0).receive('5\r\nworld\r\n0\r\n\r\n')
  assert.equal(call.events.at(-1), 'end')
  assert.equal(Buffer.concat(kept).latin1Slice(), 'helloworld')
  await harness.finish()
})
