// response.iterEvents(): server-sent events.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventStreamOptions, ServerSentEvent } from '../../src/index.ts'
import { DecodingError, ReadTimeout, StreamClosed } from '../../src/index.ts'
import { settle, states } from './clients.ts'
import { gather, openStream, readPieces, URL } from './record-streams.ts'

const TYPE = 'text/event-stream'

function event(data: string, more: Partial<ServerSentEvent> = {}): ServerSentEvent {
  return { event: 'message', data, id: null, retry: null, ...more }
}

const bodies: Record<string, [body: string, events: ServerSentEvent[]]> = {
  'all fields': [
    'event: add\ndata: 1\nid: 7\nretry: 2500\n\n',
    [event('1', { event: 'add', id: '7', retry: 2500 })],
  ],
  'defaults: the type message, no id and no retry': ['data: 1\n\n', [event('1')]],
  'several lines of data': ['data: a\ndata:b\ndata\ndata:  c\n\n', [event('a\nb\n\n c')]],
  'lines that end in CR LF': [
    'data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n',
    [event('a\nb'), event('c')],
  ],
  'lines that end in CR': ['data: a\rdata: b\r\rdata: c\r\r', [event('a\nb'), event('c')]],
  'different line ends': ['data: a\r\ndata: b\r\n\rdata: c\n\r\n', [event('a\nb'), event('c')]],
  'comments, unknown fields and empty lines': [
    ': hello\n\n\ndata: 1\n: in between\nother: x\nwithout colon\n\n:\n',
    [event('1')],
  ],
  'a byte order mark': ['\ufeffdata: \ufeff1\n\n', [event('\ufeff1')]],
  'a retry before the first event belongs to that event': [
    'retry: 10\n\ndata: 1\n\ndata: 2\n\n',
    [event('1', { retry: 10 }), event('2')],
  ],
  'an id belongs to its event, and may be empty': [
    'id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n',
    [event('a', { id: '1' }), event('b'), event('c', { id: '' })],
  ],
  'characters of several bytes': ['data: é€😀\n\n', [event('é€😀')]],
  'an event that is not complete at the end is ignored': ['data: 1\n\ndata: 2\n', [event('1')]],
}

describe('A6 iterEvents() parses server-sent events', () => {
  for (const [name, [body, expected]] of Object.entries(bodies)) {
    test(name, async (t) => {
      const whole = await readPieces(t, TYPE, [body], (response) => response.iterEvents())
      assert.deepEqual(whole, { items: expected, error: null })
    })

    test(`${name}, byte by byte`, async (t) => {
      const bytes = [...Buffer.from(body)].map((byte) => Uint8Array.of(byte))
      const read = await readPieces(t, TYPE, bytes, (response) => response.iterEvents())
      assert.deepEqual(read, { items: expected, error: null })
    })
  }

  test('from a body that was read before', async (t) => {
    const { response, socket } = await openStream(t, 'Text/Event-Stream; charset=latin1')
    socket.receive(Buffer.from('data: é\n\n'))
    socket.receiveEnd()
    await response.read()
    assert.deepEqual((await gather(response.iterEvents())).items, [event('é')])
    assert.deepEqual((await gather(response.iterEvents())).items, [event('é')])
  })
})

describe('A6 an event is delivered before another byte arrives', () => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r', '\r\n\r', '\n\r']) {
    test(`after ${JSON.stringify(end)}`, async (t) => {
      const { response, socket } = await openStream(t, TYPE)
      const events = response.iterEvents()
      for (const data of ['a', 'b']) {
        const next = events.next()
        socket.receive(`data: ${data}${end}`)
        assert.deepEqual(await next, { done: false, value: event(data) })
      }
    })
  }
})

describe('another Content-Type than text/event-stream is a DecodingError', () => {
  for (const [type, found] of [
    ['text/html', 'the Content-Type text/html'],
    ['text/event-streams', 'the Content-Type text/event-streams'],
    [null, 'no Content-Type'],
  ] as const) {
    test(`${type}`, async (t) => {
      const { response, client } = await openStream(t, type)
      await assert.rejects(response.iterEvents().next(), (error) => {
        assert.ok(error instanceof DecodingError)
        assert.equal(
          error.message,
          `Expected text/event-stream, but the response has ${found} (GET ${URL})`,
        )
        assert.equal(error.request, response.request)
        assert.deepEqual([error.phase, error.responseStarted, error.issues], ['read', true, null])
        return true
      })
      assert.equal(states(client), '0 active, 0 idle')
    })
  }
})

describe('37 an event that is larger than maxEventSize is a DecodingError with its index', () => {
  const read =
    (options: EventStreamOptions, ...pieces: string[]) =>
    (t: test.TestContext) =>
      readPieces(t, TYPE, pieces, (response) => response.iterEvents(options))
  const tooLarge = (index: number, max: number) =>
    `The event at index ${index} has more than ${max} bytes (maxEventSize) (GET ${URL})`

  test('a line, before its end arrives', async (t) => {
    const { response, socket, client } = await openStream(t, TYPE)
    const reading = gather(response.iterEvents({ maxEventSize: 10 }))
    socket.receive('data: 1\n\ndata: 67890')
    const { items, error } = await reading
    assert.deepEqual(items, [event('1')])
    assert.ok(error instanceof DecodingError)
    assert.equal(error.message, tooLarge(1, 10))
    assert.equal(error.request, response.request)
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('several lines together', async (t) => {
    const { items, error } = await read({ maxEventSize: 12 }, 'data: 1\ndata: 2\n\n')(t)
    assert.deepEqual([items, error?.message], [[], tooLarge(0, 12)])
  })

  test('the limit itself is permitted, and counts bytes', async (t) => {
    const { items, error } = await read({ maxEventSize: 16 }, 'data: é\ndata: é\n\n')(t)
    assert.deepEqual([items, error], [[event('é\né')], null])
  })

  test('comments do not count', async (t) => {
    const pings = ': ping\n'.repeat(10)
    const { items } = await read({ maxEventSize: 7 }, pings, 'data: 1\n', pings, '\n')(t)
    assert.deepEqual(items, [event('1')])
  })

  test('the default is 1 MiB; null and Infinity are no limit', async (t) => {
    const mebibyte = 'x'.repeat((1 << 20) - 'data: '.length)
    assert.deepEqual(await read({}, `data: ${mebibyte}\n\n`)(t), {
      items: [event(mebibyte)],
      error: null,
    })
    const larger = `${mebibyte}x`
    const { error } = await read({}, `data: ${larger}\n\n`)(t)
    assert.equal(error?.message, tooLarge(0, 1 << 20))
    for (const maxEventSize of [null, Infinity]) {
      const { items } = await read({ maxEventSize }, `data: ${larger}\n\n`)(t)
      assert.equal(items[0]?.data, larger)
    }
  })

  test('an invalid limit or option is a TypeError', async (t) => {
    const { response } = await openStream(t, TYPE)
    assert.throws(() => response.iterEvents({ maxEventSize: 0 }), {
      name: 'TypeError',
      message: 'maxEventSize must be null or an integer >= 1, not 0',
    })
    assert.throws(() => response.iterEvents({ maxSize: 1 } as never), {
      message: 'iterEvents.maxSize is not an option; the options are maxEventSize',
    })
  })
})

test('leaving the loop early closes the response', async (t) => {
  const { response, socket, client } = await openStream(t, TYPE)
  socket.receive('data: 1\n\ndata: 2\n\n')
  for await (const { data } of response.iterEvents()) {
    assert.equal(data, '1')
    break
  }
  assert.equal(states(client), '0 active, 0 idle')
  assert.ok(socket.destroyed)
  await assert.rejects(response.iterBytes().next(), StreamClosed)
})

test('a stream that is silent fails with ReadTimeout, unless timeout.read is null', async (t) => {
  const silent = await openStream(t, TYPE, { timeout: { read: 100 } })
  const failed = assert.rejects(silent.response.iterEvents().next(), ReadTimeout)
  await settle()
  await silent.clock.advance(100)
  await failed

  const { response, socket, clock } = await openStream(t, TYPE, { timeout: { read: null } })
  const next = response.iterEvents().next()
  await settle()
  await clock.advance(1_000_000)
  socket.receive('data: 1\n\n')
  assert.deepEqual((await next).value, event('1'))
})
