import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { BackendSocket, SocketHandler } from '../../src/backends/backend.ts'
import { MemorySocket } from '../../src/backends/memory-socket.ts'
import { SocketStream } from '../../src/backends/socket-stream.ts'
import { startTlsOverStream } from '../../src/backends/tls-over-stream.ts'
import { Recorder } from './recorder.ts'

test('15 a stream for TLS does not report dropped data as written after a write error', async () => {
  const { stream, socket, reports } = open()
  stream.on('error', () => {})
  stream.write(Buffer.alloc(1 << 20))
  stream.write(Buffer.alloc(10))
  const closed = new Promise((resolve) => stream.once('close', resolve))
  socket.peer.destroy()
  await closed
  assert.deepEqual(reports, [])
})

test('a stream for TLS reports that all data was written', async () => {
  const { stream, socket, reports } = open()
  stream.write(Buffer.alloc(1 << 20))
  stream.write(Buffer.alloc(10))
  assert.deepEqual(reports, [])
  socket.peer.resume()
  await once(stream, 'drain')
  assert.deepEqual(reports, [0])
  stream.destroy()
})

test('91 TLS over a stream that is paused pauses the socket below', () => {
  const socket = memorySocket(new Recorder())
  const calls: string[] = []
  socket.pause = () => void calls.push('pause')
  socket.resume = () => void calls.push('resume')
  const tls = { host: 'a.test', options: {} }
  const secure = startTlsOverStream(socket, false, tls, new Recorder(), null)
  secure.pause()
  assert.deepEqual(calls, ['pause'])
  secure.resume()
  assert.deepEqual(calls, ['pause', 'resume'])
  secure.destroy()
})

test('91 a stream for TLS whose buffer is full continues only when it was read', async () => {
  const { stream, socket } = open()
  const calls: string[] = []
  const resume = socket.resume.bind(socket)
  socket.resume = () => {
    calls.push('resume')
    resume()
  }
  socket.peer.write(Buffer.alloc(100_000))
  await once(stream, 'readable')
  stream.stopReading()
  stream.continueReading()
  assert.deepEqual(calls, [])
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
  })
  while (length < 100_000) await once(stream, 'data')
  assert.ok(calls.length > 0)
  stream.destroy()
})

/** Opens a stream over a connection in memory. `reports` has its length at each report. */
function open() {
  const reports: number[] = []
  let socket: MemorySocket | undefined
  const stream = new SocketStream((handler): BackendSocket => {
    socket = memorySocket(handler)
    return socket
  })
  assert.ok(socket)
  stream.onAllWritten = () => void reports.push(stream.writableLength)
  return { stream, socket, reports }
}

function memorySocket(handler: SocketHandler): MemorySocket {
  return new MemorySocket(handler, {}, ['127.0.0.1', 1])
}
