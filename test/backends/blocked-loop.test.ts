import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Backend, BackendSocket, ConnectTarget } from '../../src/backends/backend.ts'
import { certificate, tls } from './local-link.ts'
import { Recorder } from './recorder.ts'
import { socketBackends } from './socket-backends.ts'

const ROUNDS = 10

interface Server {
  readonly port: number
  /** How many answers the server has sent. */
  readonly answers: Int32Array
}

for (const backend of socketBackends) {
  describe(`92 ${backend.name}: afterPending waits for data that arrived in a blocked event loop`, () => {
    test('over TCP', async (t) => {
      const server = await serve(t, false)
      const { recorder, socket } = await connect(backend, {
        address: '127.0.0.1',
        port: server.port,
      })
      await assertReadFirst(t, backend, server, recorder, socket)
    })

    test('over TLS', async (t) => {
      const server = await serve(t, true)
      const target = { address: '127.0.0.1', port: server.port, tls }
      const { recorder, socket } = await connect(backend, target)
      await assertReadFirst(t, backend, server, recorder, socket)
    })

    test('over TLS in a tunnel', async (t) => {
      const server = await serve(t, true)
      const { recorder: below } = await connect(backend, {
        address: '127.0.0.1',
        port: server.port,
      })
      const recorder = new Recorder()
      const socket = recorder.listen((handler) => backend.secure(below.raw, tls, handler))
      await recorder.untilEvent('secure')
      await assertReadFirst(t, backend, server, recorder, socket)
    })
  })
}

async function connect(backend: Backend, target: ConnectTarget) {
  const recorder = new Recorder()
  const socket = recorder.listen((handler) => backend.connect(target, handler))
  await recorder.untilEvent(target.tls ? 'secure' : 'connect')
  return { recorder, socket }
}

/**
 * Blocks the event loop until the answer has arrived and a timer is due, as a deadline would be.
 * The timer runs first. `afterPending` must call back after the answer was delivered.
 */
async function assertReadFirst(
  t: TestContext,
  { clock }: Backend,
  { answers }: Server,
  recorder: Recorder,
  socket: BackendSocket,
): Promise<void> {
  t.after(() => socket.destroy())
  let deliveredInTime = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const drains = recorder.count('drain')
    if (!socket.write('question')) await recorder.until(() => recorder.count('drain') > drains)
    const late = new Promise<number>((resolve) => {
      const onDue = () => clock.afterPending(() => resolve(recorder.count('read')))
      clock.timer(onDue).arm(5)
    })
    block(() => Atomics.load(answers, 0) >= round)
    if ((await late) === round) deliveredInTime += 1
    await recorder.until(() => recorder.count('read') === round)
  }
  // On a busy machine, the operating system may deliver an answer after the event loop continues.
  assert.ok(deliveredInTime > ROUNDS / 2, `${deliveredInTime} of ${ROUNDS} answers came first`)
}

/** Blocks the event loop until the condition is true, and 20 ms more. */
function block(condition: () => boolean): void {
  const limit = performance.now() + 5000
  while (!condition() && performance.now() < limit);
  const end = performance.now() + 20
  while (performance.now() < end);
}

async function serve(t: TestContext, secure: boolean): Promise<Server> {
  const answers = new Int32Array(new SharedArrayBuffer(4))
  const { key, cert } = certificate
  const workerData = { answers, secure, key, cert }
  const worker = new Worker(ANSWERING_SERVER, { eval: true, workerData })
  t.after(() => worker.terminate())
  const [port] = (await once(worker, 'message')) as [number]
  return { port, answers }
}

/** Answers data after 20 ms, and counts the answers. */
const ANSWERING_SERVER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { answers, secure, key, cert } = workerData
  const accept = (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => setTimeout(() => {
      socket.write('answer', () => Atomics.add(answers, 0, 1))
    }, 20))
  }
  const server = secure
    ? require('node:tls').createServer({ key, cert, ALPNProtocols: ['http/1.1'] }, accept)
    : require('node:net').createServer(accept)
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`
