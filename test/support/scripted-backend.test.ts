import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Address, TlsTarget } from '../../src/backends/backend.ts'
import { Recorder } from '../backends/recorder.ts'
import { ScriptedBackend } from './scripted-backend.ts'
import { ScriptedClock, settle } from './scripted-clock.ts'

const target = { address: '10.0.0.1', port: 80 }
const tls: TlsTarget = { host: 'a.test', options: {} }

async function connected() {
  const backend = new ScriptedBackend()
  const recorder = new Recorder()
  const watched = recorder.listen((handler) => backend.connect(target, handler))
  await settle()
  return { backend, recorder, watched, socket: backend.socket }
}

test('advance moves the time and fires timers in order', async () => {
  const clock = new ScriptedClock()
  const fired: [string, number][] = []
  const timer = (name: string) => clock.timer(() => fired.push([name, clock.now()]))
  const [a, b, c, d] = [timer('a'), timer('b'), timer('c'), timer('d')] as const
  a.arm(20)
  b.arm(10)
  c.arm(10)
  d.arm(5)
  d.cancel()
  assert.equal(clock.armedTimers, 3)
  await clock.advance(9)
  assert.equal(clock.now(), 9)
  assert.deepEqual(fired, [])
  a.arm(1)
  await clock.advance(2 ** 33)
  assert.deepEqual(fired, [
    ['b', 10],
    ['c', 10],
    ['a', 10],
  ])
  assert.equal(clock.now(), 2 ** 33 + 9)
  assert.equal(clock.armedTimers, 0)
})

test('advance settles everything between two timers', async () => {
  const clock = new ScriptedClock()
  const order: string[] = []
  const second = clock.timer(() => order.push('second'))
  const first = clock.timer(() => {
    clock.microtask(() => order.push('microtask'))
    clock.afterPending(() => {
      order.push('pending')
      clock.afterPending(() => order.push('pending again'))
    })
  })
  first.arm(1)
  second.arm(2)
  await clock.advance(2)
  assert.deepEqual(order, ['microtask', 'pending', 'pending again', 'second'])
})

test('a timer that a callback arms fires in the same advance', async () => {
  const clock = new ScriptedClock()
  const times: number[] = []
  const timer = clock.timer(() => {
    times.push(clock.now())
    timer.arm(10)
  })
  timer.arm(10)
  await clock.advance(35)
  assert.deepEqual(times, [10, 20, 30])
})

test('after stall, timers fire late, before received data and afterPending', async () => {
  const { backend, recorder, socket } = await connected()
  const { clock } = backend
  const timer = clock.timer(() => {
    recorder.events.push(`late by ${clock.now() - 10}`)
    clock.afterPending(() => recorder.events.push('pending'))
  })
  timer.arm(10)
  await clock.stall(15)
  socket.receive('x')
  await clock.flush()
  assert.deepEqual(recorder.events, ['connect', 'late by 5', 'read', 'pending'])
})

test('lookups are answered from hosts, or by the test', async () => {
  const backend = new ScriptedBackend()
  const answers: unknown[] = []
  const lookup = (host: string) => {
    backend.lookup(host, (error, addresses) => answers.push(error ?? addresses))
  }
  const six: Address[] = [{ address: '::1', family: 6 }]
  const failure = new Error('no such name')
  backend.hosts.set('six.test', six)
  backend.hosts.set('bad.test', failure)
  lookup('any.test')
  lookup('six.test')
  lookup('bad.test')
  assert.deepEqual(answers, [])
  await settle()
  assert.deepEqual(answers, [[{ address: '127.0.0.1', family: 4 }], six, failure])

  backend.autoLookup = false
  lookup('held.test')
  await settle()
  assert.equal(answers.length, 3)
  const held = backend.lookups.at(-1)!
  assert.equal(held.host, 'held.test')
  held.answer([])
  assert.deepEqual(answers[3], [])
  assert.throws(() => held.fail(failure), /has already been answered/)
})

test('sockets connect automatically, or when the test calls connected', async () => {
  const backend = new ScriptedBackend()
  const first = new Recorder()
  first.listen((handler) => backend.connect({ ...target, tls }, handler))
  assert.deepEqual(first.events, [])
  await settle()
  assert.deepEqual(first.events, ['connect', 'secure'])
  assert.equal(backend.socket.remoteAddress, '10.0.0.1')

  backend.autoConnect = false
  const second = new Recorder()
  second.listen((handler) => backend.connect(target, handler))
  await settle()
  assert.deepEqual(second.events, [])
  backend.socket.connected()
  assert.throws(() => backend.socket.secured(), /no TLS/)
  backend.socket.reset()
  assert.deepEqual(second.events, ['connect', 'close'])
  assert.match(String(second.error), /ECONNRESET/)
  assert.equal(backend.sockets.length, 2)
})

test('received data fills one target after the other', async () => {
  const { recorder, socket } = await connected()
  recorder.window = new Uint8Array(3)
  socket.receive('abcdefgh')
  assert.equal(recorder.text, 'abcdefgh')
  assert.equal(recorder.count('read'), 3)
  await socket.receivePieces('ij')
  assert.equal(recorder.text, 'abcdefghij')
  assert.equal(recorder.count('read'), 5)
})

test('the next target is requested right after a read, as in Node.js', async () => {
  const { recorder, socket } = await connected()
  const [before, after] = [new Uint8Array(8), new Uint8Array(8)]
  recorder.window = before
  socket.receive('x')
  recorder.window = after
  recorder.on = () => assert.deepEqual([before[0], after[0]], [0x23, 0])
  socket.receive('y')
  assert.equal(recorder.count('read'), 2)
})

test('a paused socket keeps data until resume, except late data', async () => {
  const { recorder, watched, socket } = await connected()
  watched.pause()
  socket.receive('late', { late: true })
  socket.receive('kept')
  socket.receiveEnd()
  assert.equal(recorder.text, 'late')
  assert.equal(socket.paused, true)
  watched.resume()
  assert.equal(recorder.text, 'late')
  await settle()
  assert.equal(recorder.text, 'latekept')
  assert.equal(recorder.events.at(-1), 'end')
})

test('written, writtenBytes and takeWritten return the written bytes', async () => {
  const { recorder, watched, socket } = await connected()
  assert.equal(watched.write('a\xe9'), true)
  assert.equal(watched.write(Buffer.from('b'), Buffer.from('c')), true)
  assert.equal(socket.written, 'a\xe9bc')
  assert.equal(socket.writtenBytes.length, 4)
  assert.equal(socket.takeWritten(), 'a\xe9bc')
  assert.equal(socket.takeWritten(), '')
  watched.end()
  assert.equal(socket.ended, true)
  assert.throws(() => watched.write('x'), /contract/)
  assert.deepEqual(recorder.events, ['connect'])
})

test('an empty write violates the contract', async () => {
  const { watched } = await connected()
  assert.throws(() => watched.write(''), /contract/)
  assert.throws(() => watched.write(new Uint8Array(0)), /contract/)
})

test('blocked writes wait for unblock', async () => {
  const { recorder, watched, socket } = await connected()
  socket.block()
  const bytes = Buffer.from('abcdef')
  assert.equal(watched.write(bytes), false)
  assert.equal(watched.write('gh'), false)
  assert.equal(watched.pendingBytes(), 8)
  socket.unblock(2)
  assert.equal(watched.pendingBytes(), 6)
  bytes.fill('x') // before onDrain: the change is visible
  assert.equal(socket.written, 'abxxxxgh')
  assert.equal(recorder.count('drain'), 0)
  socket.unblock(6)
  assert.equal(recorder.count('drain'), 1)
  assert.equal(watched.write('i'), false)
  socket.unblock()
  assert.equal(recorder.count('drain'), 2)
  assert.equal(watched.write('j'), true)
  assert.equal(socket.written, 'abxxxxghij')
})

test('failWrites reports one error, and reading continues', async () => {
  const { recorder, watched, socket } = await connected()
  const error = new Error('broken')
  socket.failWrites(error)
  watched.write('x')
  watched.write('y')
  await settle()
  assert.equal(recorder.writeError, error)
  assert.equal(recorder.count('write error'), 1)
  socket.receive('answer')
  assert.equal(recorder.text, 'answer')
  assert.equal(socket.written, '')
})

test('failWrites fails blocked writes', async () => {
  const { recorder, watched, socket } = await connected()
  socket.block()
  watched.write('x')
  socket.failWrites()
  assert.match(String(recorder.writeError), /EPIPE/)
  socket.unblock()
  assert.equal(recorder.count('drain'), 0)
})

test('after destroy only one onClose follows', async () => {
  const { recorder, watched, socket } = await connected()
  recorder.window = new Uint8Array(1)
  recorder.on = (event) => {
    if (event === 'read') watched.destroy()
  }
  socket.receive('abc')
  watched.destroy()
  assert.equal(socket.destroyed, true)
  await settle()
  assert.deepEqual(recorder.events, ['connect', 'read', 'close'])
  assert.equal(recorder.error, null)
  assert.throws(() => socket.receive('x'), /closed/)
})

test('secure creates a TLS socket over a tunnel', async () => {
  const { backend, recorder, socket } = await connected()
  const tlsRecorder = new Recorder()
  const first = Buffer.from('first')
  const watched = tlsRecorder.listen((handler) => backend.secure(socket, tls, handler, first))
  await settle()
  assert.deepEqual(tlsRecorder.events, ['secure'])
  assert.equal(backend.socket.firstBytes, first)
  assert.equal(backend.socket.tunnel, socket)
  watched.destroy()
  await settle()
  assert.deepEqual(tlsRecorder.events, ['secure', 'close'])
  assert.deepEqual(recorder.events, ['connect'])
  assert.equal(socket.destroyed, true)
})

test('session saves a TLS session in the store of the target, which offers it again', () => {
  const backend = new ScriptedBackend()
  backend.autoConnect = false
  let stored: Uint8Array | undefined
  const sessions = { get: () => stored, set: (session: Uint8Array) => void (stored = session) }
  const open = () => backend.connect({ ...target, tls: { ...tls, sessions } }, new Recorder())
  const first = open()
  assert.equal(first.offeredSession, undefined)
  const ticket = Buffer.from('ticket')
  first.session(ticket)
  assert.equal(open().offeredSession, ticket)
})

test('hold, release and keepAlive are recorded', async () => {
  const { backend, watched, socket } = await connected()
  backend.hold()
  backend.hold()
  backend.release()
  assert.equal(backend.holdCount, 1)
  watched.keepAlive(true)
  assert.equal(socket.keepsProcessAlive, true)
})
