import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { rawServer } from '../engine/servers.ts'
import type { Plan } from './rig.ts'
import { openRig } from './rig.ts'

/** What one side was told, in order: the reads, `FIN`, and at last `closed` or the error's code. */
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

/** A client and a server with a rig between them; both keep their side open until they close it. */
async function both(t: TestContext, plan: Plan) {
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
  const rig = await openRig(t, port, () => plan)
  const socket = connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  t.after(() => socket.destroy())
  const client = new Side(socket)
  await Promise.all([isAccepted, once(socket, 'connect')])
  return { rig, client, server: accepted[0] as Side }
}

const DOWN = 'from the server'
const UP = 'from the client'

describe('without a fault', () => {
  test('all passes, both ways, and each end by itself', async (t) => {
    const { rig, client, server } = await both(t, {})
    client.socket.end(UP)
    await once(server.socket, 'end')
    assert.equal(server.text, UP)
    server.socket.end(DOWN)
    await client.closed
    assert.deepEqual([client.text, client.end], [DOWN, 'FIN'])
    await until(() => rig.connections.size === 0)
    assert.deepEqual([rig.accepted, rig.fired], [1, 0])
  })

  test('a slow reader holds the sender back, and gets all', async (t) => {
    const { client, server } = await both(t, {})
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

  test('who resets one side resets the other', async (t) => {
    const { client, server } = await both(t, {})
    server.socket.resetAndDestroy()
    await client.closed
    assert.equal(client.end, 'ECONNRESET')
  })
})

describe('each fault at each byte, either way', () => {
  for (const way of ['down', 'up'] as const) {
    const said = way === 'down' ? DOWN : UP
    const each = async (
      t: TestContext,
      plan: (at: number) => Plan[typeof way],
      check: (at: number, reader: Side, sender: Side) => Promise<void>,
    ) => {
      for (let at = 0; at <= said.length; at++) {
        const { client, server, rig } = await both(t, { [way]: plan(at) })
        const [reader, sender] = way === 'down' ? [client, server] : [server, client]
        sender.socket.write(said)
        await check(at, reader, sender)
        assert.equal(rig.fired, plan(at)?.length, `${at}`)
        client.socket.destroy()
        server.socket.destroy()
        await until(() => rig.connections.size === 0)
      }
    }

    test(`${way}: split`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'split' }],
        async (at, reader) => {
          await reader.until(said.length)
          const pieces = [said.slice(0, at), said.slice(at)].filter((piece) => piece !== '')
          assert.deepEqual(reader.reads, pieces)
        },
      ))

    test(`${way}: byte by byte from there`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'throttle', bytes: 1, ms: 0 }],
        async (at, reader) => {
          await reader.until(said.length)
          const first = at === 0 ? [] : [said.slice(0, at)]
          assert.deepEqual(reader.reads.join('|'), [...first, ...said.slice(at)].join('|'))
        },
      ))

    test(`${way}: delayed, it all comes`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'delay', ms: 2 }],
        async (_at, reader) => {
          await reader.until(said.length)
          assert.equal(reader.text, said)
        },
      ))

    test(`${way}: one bit`, (t) =>
      each(
        t,
        (at) => [{ at: Math.min(at, said.length - 1), do: 'corrupt', mask: 0x04 }],
        async (at, reader) => {
          await reader.until(said.length)
          const bytes = Buffer.from(said)
          const index = Math.min(at, said.length - 1)
          bytes.writeUInt8(bytes.readUInt8(index) ^ 0x04, index)
          assert.equal(reader.text, bytes.latin1Slice())
        },
      ))

    test(`${way}: reset, with the error on both sides`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'reset' }],
        async (at, reader, sender) => {
          await Promise.all([reader.closed, sender.closed])
          assert.equal(reader.text, said.slice(0, at))
          assert.deepEqual([reader.end, sender.end], ['ECONNRESET', 'ECONNRESET'])
        },
      ))

    test(`${way}: half-closed, and the other way goes on`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'end' }],
        async (at, reader, sender) => {
          await until(() => reader.end !== '')
          assert.deepEqual([reader.text, reader.end], [said.slice(0, at), 'FIN'])
          reader.socket.write('back')
          await sender.until(4)
        },
      ))

    test(`${way}: closed`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'close' }],
        async (at, reader) => {
          await until(() => reader.end !== '')
          assert.equal(reader.text, said.slice(0, at))
        },
      ))

    test(`${way}: stalled, and the other way goes on`, (t) =>
      each(
        t,
        (at) => [{ at, do: 'stall' }],
        async (at, reader, sender) => {
          reader.socket.write('back')
          await sender.until(4)
          for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
          assert.deepEqual([reader.text, reader.end], [said.slice(0, at), ''])
        },
      ))
  }
})

test('a stalled direction blocks its sender', async (t) => {
  const { client, rig } = await both(t, { up: [{ at: 3, do: 'stall' }] })
  let isTaken = false
  client.socket.write('x'.repeat(20_000_000), () => {
    isTaken = true
  })
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  assert.equal(isTaken, false)
  rig.sever()
  await client.closed
  assert.equal(client.end, 'ECONNRESET')
})

describe('who leaves is not waited for, though the other side is never told', () => {
  const plans: readonly (readonly [string, Plan])[] = [
    ['up is stalled', { up: [{ at: 3, do: 'stall' }] }],
    ['up has ended', { up: [{ at: 3, do: 'end' }] }],
    ['down is stalled', { down: [{ at: 0, do: 'stall' }] }],
    ['down has ended', { down: [{ at: 0, do: 'end' }] }],
  ]
  for (const [name, plan] of plans) {
    test(name, async (t) => {
      const { client, rig } = await both(t, plan)
      client.socket.write(UP)
      await until(() => rig.fired === 1)
      client.socket.destroy()
      await until(() => rig.connections.size === 0)
    })
  }
})

test('several faults, in the order of their bytes', async (t) => {
  const { client, server, rig } = await both(t, {
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
  assert.equal(rig.fired, 4)
})

test('each connection has a plan of its own', async (t) => {
  const { port } = await rawServer(t, (socket) => socket.end(DOWN))
  const rig = await openRig(t, port, (index) => ({ down: [{ at: index, do: 'end' }] }))
  for (let index = 0; index < 4; index++) {
    const client = new Side(connect(rig.port, '127.0.0.1'))
    await client.closed
    assert.equal(client.text, DOWN.slice(0, index))
  }
})

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000 && !isSo(); turns++) await new Promise(setImmediate)
  assert.ok(isSo(), `It did not become so: ${isSo}`)
}
