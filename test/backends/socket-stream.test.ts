import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { BackendSocket } from '../../src/backends/backend.ts'
import { MemorySocket } from '../../src/backends/memory-socket.ts'
import { SocketStream } from '../../src/backends/socket-stream.ts'

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

/** Opens a stream over a connection in memory. `reports` has its length at each report. */
function open() {
  const reports: number[] = []
  let socket: MemorySocket | undefined
  const stream = new SocketStream((handler): BackendSocket => {
    socket = new MemorySocket(handler, {}, ['127.0.0.1', 1])
    return socket
  })
  assert.ok(socket)
  stream.onAllWritten = () => void reports.push(stream.writableLength)
  return { stream, socket, reports }
}
