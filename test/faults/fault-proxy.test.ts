import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { rawServer } from '../engine/servers.ts'
import type { Plan } from './fault-proxy.ts'
import { openFaultProxy } from './fault-proxy.ts'

/** Records what one side receives: the reads, and `FIN` or the code of an error. */
class Side {
  readonly socket: Socket
  readonly reads: string[] = []
  readonly closed: Promise<void>
  #ended = false
  #error = ''

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.reads.push(bytes.latin1Slice()))
    socket.on('end', () => {
      this.#ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message
    })
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()))
  }

  get text(): string {
    return this.reads.join('')
  }

  get end(): string {
    return this.#error || (this.#ended ? 'FIN' : '')
  }

  async until(length: number): Promise<void> {
    while (this.text.length < length) await once(this.socket, 'data')
  }
}

/** Connects a client and a server through a fault proxy. Neither ends its side automatically. */
async function connectThroughProxy(t: TestContext, plan: Plan) {
  const accepted: Side[] = []
  let onAccepted = () => {}
  const isAccepted = new Promise<void>((resolve) => {
    onAccepted = resolve
  })
  const { port, server } = await rawServer(t, (socket) => {
    accepted.push(new Side(socket))
    onAccepted()
  })
  Object.assign(server, { allowHalfOpen: true })
  const proxy = await openFaultProxy(t, port, () => plan)
  const socket = connect({
    port: proxy.port,
    host: '127.0.0.1',
    allowHalfOpen: true,
    noDelay: true,
  })
  t.after(() => socket.destroy())
  const client = new Side(socket)
  await Promise.all([isAccepted, once(socket, 'connect')])
  return { proxy, client, server: accepted[0] as Side }
}

const DOWN = 'from the server'
const UP = 'from the client'

describe('without a fault', () => {
  test('all bytes pass in both directions, and each direction ends separately', async (t) => {
    const { proxy, client, server } = await connectThroughProxy(t, {})
    client.socket.end(UP)
    await once(server.socket, 'end')
    assert.equal(server.text, UP)
    server.socket.end(DOWN)
    await client.closed
    assert.deepEqual([client.text, client.end], [DOWN, 'FIN'])
    await until(() => proxy.connections.size === 0)
    assert.deepEqual([proxy.accepted, proxy.fired], [1, 0])
  })

  test('a slow reader blocks the sender, and receives all bytes', async (t) => {
    const { client, server } = await connectThroughProxy(t, {})
    const large = 'x'.repeat(20_000_000)
    client.socket.pause()
    let isTaken = false
    server.socket.end(large, () => {
      isTaken = true
    })
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    assert.equal(isTaken, false)
    client.socket.resume()
    await once(client.socket, 'end')
    assert.equal(client.text.length, large.length)
  })

  test('a reset on one side resets the other side', async (t) => {
    const { client, server } = await connectThroughProxy(t, {})
    server.socket.resetAndDestroy()
    await client.closed
    assert.equal(client.end, 'ECONNRESET')
  })
})

describe('each fault at each byte, in both directions', () => {
  for (const direction of ['down', 'up'] as const) {
    const text = direction === 'down' ? DOWN : UP
    const each = async (
      t: TestContext,
      plan: (at: number) => Plan[typeof direction],
      check: (at: number, reader: Side, sender: Side) => Promise<void>,
    ) => {
      for (let at = 0; at <= text.length; at++) {
        const { client, server, proxy } = await connectThroughProxy(t, { [direction]: plan(at) })
        const [reader, sender] = direction === 'down' ? [client, server] : [server, client]
        sender.socket.write(text)
        await check(at, reader, sender)
        assert.equal(proxy.fired, plan(at)?.length, `${at}`)
        client.socket.destroy()
        server.socket.destroy()
        await until(() => proxy.connections.size === 0)
      }
    }

    test(`${direction}: split`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'split' }],
        async (at, reader) => {
          await reader.until(text.length)
          const pieces = [text.slice(0, at), text.slice(at)].filter((piece) => piece !== '')
          assert.deepEqual(reader.reads, pieces)
        },
      ))

    test(`${direction}: throttled to single bytes`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'throttle', bytes: 1, ms: 0 }],
        async (at, reader) => {
          await reader.until(text.length)
          const first = at === 0 ? [] : [text.slice(0, at)]
          assert.deepEqual(reader.reads.join('|'), [...first, ...text.slice(at)].join('|'))
        },
      ))

    test(`${direction}: delayed, all bytes arrive`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'delay', ms: 2 }],
        async (_at, reader) => {
          await reader.until(text.length)
          assert.equal(reader.text, text)
        },
      ))

    test(`${direction}: one bit corrupted`, (t) =>
      each(
        t,
        (at) => [{ at: Math.min(at, text.length - 1), do: 'corrupt', mask: 0x04 }],
        async (at, reader) => {
          await reader.until(text.length)
          const bytes = Buffer.from(text)
          const index = Math.min(at, text.length - 1)
          bytes.writeUInt8(bytes.readUInt8(index) ^ 0x04, index)
          assert.equal(reader.text, bytes.latin1Slice())
        },
      ))

    test(`${direction}: reset, both sides get the error`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'reset' }],
        async (at, reader, sender) => {
          await Promise.all([reader.closed, sender.closed])
          assert.equal(reader.text, text.slice(0, at))
          assert.deepEqual([reader.end, sender.end], ['ECONNRESET', 'ECONNRESET'])
        },
      ))

    test(`${direction}: half-closed, the other direction continues`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'end' }],
        async (at, reader, sender) => {
          await until(() => reader.end !== '')
          assert.deepEqual([reader.text, reader.end], [text.slice(0, at), 'FIN'])
          reader.socket.write('back')
          await sender.until(4)
        },
      ))

    test(`${direction}: closed`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'close' }],
        async (at, reader) => {
          await until(() => reader.end !== '')
          assert.equal(reader.text, text.slice(0, at))
        },
      ))

    test(`${direction}: stalled, the other direction continues`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'stall' }],
        async (at, reader, sender) => {
          reader.socket.write('back')
          await sender.until(4)
          for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
          assert.deepEqual([reader.text, reader.end], [text.slice(0, at), ''])
        },
      ))
  }
})

test('a stalled direction blocks its sender', async (t) => {
  const { client, proxy } = await connectThroughProxy(t, { up: [{ at: 3, do: 'stall' }] })
  let isTaken = false
  client.socket.write('x'.repeat(20_000_000), () => {
    isTaken = true
  })
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  assert.equal(isTaken, false)
  proxy.resetAll()
  await client.closed
  assert.equal(client.end, 'ECONNRESET')
})

describe('a client that leaves ends the connection, although the server is not notified', () => {
  const plans: readonly (readonly [string, Plan])[] = [
    ['up is stalled', { up: [{ at: 3, do: 'stall' }] }],
    ['up has ended', { up: [{ at: 3, do: 'end' }] }],
    ['down is stalled', { down: [{ at: 0, do: 'stall' }] }],
    ['down has ended', { down: [{ at: 0, do: 'end' }] }],
  ]
  for (const [name, plan] of plans) {
    test(name, async (t) => {
      const { client, proxy } = await connectThroughProxy(t, plan)
      client.socket.write(UP)
      await until(() => proxy.fired === 1)
      client.socket.destroy()
      await until(() => proxy.connections.size === 0)
    })
  }
})

test('several faults happen in the order of their bytes', async (t) => {
  const { client, server, proxy } = await connectThroughProxy(t, {
    down: [
      { at: 8, do: 'end' },
      { at: 2, do: 'split' },
      { at: 5, do: 'split' },
      { at: 5, do: 'corrupt', mask: 0x20 },
    ],
  })
  server.socket.write(DOWN)
  await until(() => client.end !== '')
  assert.deepEqual(client.reads, ['fr', 'om ', 'THE'.replace('HE', 'he')])
  assert.equal(proxy.fired, 4)
})

test('each connection has its own plan', async (t) => {
  const { port } = await rawServer(t, (socket) => socket.end(DOWN))
  const proxy = await openFaultProxy(t, port, (index) => ({ down: [{ at: index, do: 'end' }] }))
  for (let index = 0; index < 4; index++) {
    const client = new Side(connect(proxy.port, '127.0.0.1'))
    await client.closed
    assert.equal(client.text, DOWN.slice(0, index))
  }
})

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000 && !condition(); turns++) await new Promise(setImmediate)
  assert.ok(condition(), `the condition was not met: ${condition}`)
}
