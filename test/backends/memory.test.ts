import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { TlsTarget } from '../../src/backends/backend.ts'
import { memoryBackend } from '../../src/backends/memory.ts'
import type { Link } from './conformance.ts'
import { backendConformance } from './conformance.ts'
import { Recorder } from './recorder.ts'

backendConformance('memory', link(null))
backendConformance('memory: TLS', link({ host: 'server.test', options: {} }))

test('an http.Server can serve the connections', async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end(`${request.method} ${request.url}`))
  })
  const backend = memoryBackend((peer) => server.emit('connection', peer))
  const recorder = new Recorder()
  const socket = recorder.listen((handler) => backend.connect({}, handler))
  await recorder.untilEvent('connect')
  socket.write('GET /one HTTP/1.1\r\nhost: a\r\n\r\n')
  await recorder.until(() => recorder.text.endsWith('GET /one'))
  socket.write('PUT /two HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody')
  await recorder.untilEvent('end')
  assert.ok(recorder.text.endsWith('PUT /two'))
  socket.destroy()
  await recorder.untilEvent('close')
})

test('the app notices that the client closes', async () => {
  const left = new Promise((resolve) => {
    const server = createServer((request) => request.on('close', resolve))
    const backend = memoryBackend((peer) => server.emit('connection', peer))
    const recorder = new Recorder()
    const socket = recorder.listen((handler) => backend.connect({}, handler))
    recorder.on = () => {
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      setImmediate(() => socket.destroy())
    }
  })
  await left
})

test('an error that accept throws fails the connection', async () => {
  const refusal = new Error('no')
  const backend = memoryBackend(() => {
    throw refusal
  })
  const recorder = new Recorder()
  recorder.listen((handler) => backend.connect({}, handler))
  await recorder.untilEvent('close')
  assert.deepEqual(recorder.events, ['close'])
  assert.equal(recorder.error, refusal)
})

test('secure uses no TLS and keeps the same app', async () => {
  let peer: Duplex | undefined
  const backend = memoryBackend((duplex) => {
    peer = duplex
  })
  const below = new Recorder()
  below.listen((handler) => backend.connect({}, handler))
  await below.untilEvent('connect')
  const recorder = new Recorder()
  const tls = { host: 'a.test', options: {} }
  const first = Buffer.from('all ')
  const socket = recorder.listen((handler) => backend.secure(below.raw, tls, handler, first))
  await recorder.untilEvent('secure')
  await recorder.until(() => recorder.text === 'all ')
  peer?.write('clear')
  await recorder.until(() => recorder.text === 'all clear')
  assert.deepEqual(below.events, ['connect'])
  socket.destroy()
  await recorder.untilEvent('close')
})

test('lookup resolves every name', async () => {
  const backend = memoryBackend(() => {})
  const found = await new Promise((resolve) => {
    backend.lookup('any.test', (_, addresses) => resolve(addresses))
  })
  assert.deepEqual(found, [{ address: '127.0.0.1', family: 4 }])
})

function link(tls: TlsTarget | null): Link {
  let peer: Duplex
  const backend = memoryBackend((duplex) => {
    peer = duplex
  })
  return {
    backend,
    async open() {
      const target = { address: '127.0.0.1', port: 80, tls }
      return {
        target,
        async connect(recorder) {
          const socket = recorder.listen((handler) => backend.connect(target, handler))
          await recorder.untilEvent(tls ? 'secure' : 'connect')
          return { socket, peer }
        },
        close: async () => {},
      }
    },
    reset: (duplex) => duplex.destroy(),
  }
}
