import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Backend, ConnectTarget } from '../../src/backends/backend.ts'
import { backendConformance } from './conformance.ts'
import { abstractPath, addressOf, localLink, loopback, unixPath } from './local-link.ts'
import { Recorder } from './recorder.ts'
import { socketBackends } from './socket-backends.ts'

for (const backend of socketBackends) {
  const { name } = backend
  backendConformance(`${name}: TCP`, localLink(backend, loopback, null))
  backendConformance(`${name}: a unix socket`, localLink(backend, unixPath, null))
  if (process.platform === 'linux') {
    backendConformance(`${name}: an abstract unix socket`, localLink(backend, abstractPath, null))
  }
  describe(`${name}: one socket`, () => testOneSocket(backend))
}

function testOneSocket(backend: Backend): void {
  test('a refused connection', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const target = addressOf(server)
    server.close()
    await once(server, 'close')
    const recorder = new Recorder()
    recorder.listen((handler) => backend.connect(target, handler))
    await recorder.untilEvent('close')
    assert.deepEqual(recorder.events, ['close'])
    assert.equal((recorder.error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  })

  test('an invalid target closes the socket instead of throwing', async () => {
    const bad: [ConnectTarget, RegExp][] = [
      [{ address: '127.0.0.1', port: 70_000 }, /port/i],
      [{ address: '127.0.0.1', port: 1, tls: { host: 'a', options: { cert: 'x' } } }, /PEM/i],
      [{}, /port|path/],
    ]
    for (const [target, message] of bad) {
      const recorder = new Recorder()
      const socket = recorder.listen((handler) => backend.connect(target, handler))
      assert.equal(socket.remoteAddress, undefined)
      await recorder.untilEvent('close')
      assert.deepEqual(recorder.events, ['close'])
      assert.match(String(recorder.error), message)
    }
  })

  test('lookup', async () => {
    for (const [host, expected] of [
      ['127.0.0.1', [{ address: '127.0.0.1', family: 4 }]],
      ['::1', [{ address: '::1', family: 6 }]],
    ] as const) {
      let later = false
      const found = new Promise((resolve, reject) => {
        backend.lookup(host, (error, addresses) => {
          assert.ok(later)
          if (error) reject(error)
          else resolve(addresses)
        })
      })
      later = true
      assert.deepEqual(await found, expected)
    }
    const localhost = await new Promise((resolve) => {
      backend.lookup('localhost', (_, addresses) => resolve(addresses))
    })
    assert.ok(Array.isArray(localhost) && localhost.length > 0)
  })

  test('15, S12 a response is delivered despite a blocked event loop and an EPIPE', async (t) => {
    const server = new Worker(RESETTING_SERVER, { eval: true })
    t.after(() => server.terminate())
    const [port] = (await once(server, 'message')) as [number]
    let failedWrites = 0
    for (let round = 0; round < 10; round++) {
      const recorder = new Recorder()
      const socket = recorder.listen((handler) =>
        backend.connect({ address: '127.0.0.1', port }, handler),
      )
      await recorder.untilEvent('connect')
      socket.write('question')
      const end = performance.now() + 30
      while (performance.now() < end);
      socket.write(Buffer.alloc(1 << 18))
      socket.write(Buffer.alloc(1 << 18))
      await recorder.until(() => /end|close/.test(recorder.events.join()))
      assert.equal(recorder.text, 'answer')
      if (recorder.writeError) failedWrites += 1
      socket.destroy()
      await recorder.untilEvent('close')
    }
    assert.ok(failedWrites > 0) // not always 10, because the server may be late
  })
}

/** Answers the first data, and resets the connection 5 ms later. */
const RESETTING_SERVER = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('answer')
      setTimeout(() => socket.resetAndDestroy(), 5)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port)
  })
`
