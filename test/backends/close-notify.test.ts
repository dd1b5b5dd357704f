import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { createServer } from 'node:tls'
import type { Backend } from '../../src/backends/backend.ts'
import { ALERT, APPLICATION_DATA, tlsRelay } from '../support/tls-relay.ts'
import { certificate, tls } from './local-link.ts'
import { Recorder } from './recorder.ts'
import { socketBackends } from './socket-backends.ts'

for (const backend of socketBackends) {
  for (const isTunnel of [false, true]) {
    const name = `R14 ${backend.name}: close_notify ${isTunnel ? 'in a tunnel' : 'of TLS'}`
    describe(name, () => testClosing(backend, isTunnel))
  }
}

function testClosing(backend: Backend, isTunnel: boolean): void {
  test('is sent by destroy, and only onClose follows', async (t) => {
    const { recorder, socket, relay } = await open(t, backend, isTunnel)
    socket.write('question')
    await recorder.until(() => recorder.text === 'answer')
    await closeAndCheck(recorder, () => socket.destroy())
    assert.deepEqual((await relay.closed).slice(-2), [APPLICATION_DATA, ALERT])
  })

  test('is sent by destroy during a read', async (t) => {
    const { recorder, socket, relay } = await open(t, backend, isTunnel)
    recorder.window = new Uint8Array(2)
    const destroyed = new Promise<void>((resolve) => {
      recorder.on = (event) => {
        if (event !== 'read') return
        socket.destroy()
        resolve()
      }
    })
    socket.write('question')
    await destroyed
    await closeAndCheck(recorder, () => socket.destroy())
    assert.equal(recorder.text, 'an')
    assert.equal((await relay.closed).at(-1), ALERT)
  })

  test('is sent while the socket is paused', async (t) => {
    const { recorder, socket, relay } = await open(t, backend, isTunnel)
    recorder.on = (event) => {
      if (event === 'read') socket.pause()
    }
    socket.write('question')
    await recorder.untilEvent('read')
    await closeAndCheck(recorder, () => socket.destroy())
    assert.equal((await relay.closed).at(-1), ALERT)
  })

  test('does not wait for an answer', async (t) => {
    const { recorder, socket, relay } = await open(t, backend, isTunnel)
    relay.holdAnswers()
    // Node 26 cannot send an alert inside the event that ends the handshake.
    await new Promise(setImmediate)
    await closeAndCheck(recorder, () => socket.destroy())
    assert.equal((await relay.closed).at(-1), ALERT)
  })
}

/** Closes the socket, and checks that it closes once, without an error or another event. */
async function closeAndCheck(recorder: Recorder, close: () => void): Promise<void> {
  const before = [...recorder.events]
  close()
  close()
  await recorder.untilEvent('close')
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.deepEqual(recorder.events, [...before, 'close'])
  assert.equal(recorder.error, null)
}

async function open(t: TestContext, backend: Backend, isTunnel: boolean) {
  const server = createServer({ ...certificate, maxVersion: 'TLSv1.2' }, (peer) => {
    peer.on('error', () => {}).on('data', () => peer.write('answer'))
  })
  server.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const relay = await tlsRelay(t, (server.address() as AddressInfo).port)
  const target = { address: '127.0.0.1', port: relay.port }
  const recorder = new Recorder()
  if (!isTunnel) {
    const socket = recorder.listen((handler) => backend.connect({ ...target, tls }, handler))
    await recorder.untilEvent('secure')
    return { recorder, socket, relay }
  }
  const below = new Recorder()
  below.listen((handler) => backend.connect(target, handler))
  await below.untilEvent('connect')
  const socket = recorder.listen((handler) => backend.secure(below.raw, tls, handler))
  await recorder.untilEvent('secure')
  return { recorder, socket, relay }
}
