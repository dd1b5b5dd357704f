import assert from 'node:assert/strict'
import type { DispatchControl, DispatchHandler, DispatchRequest, Head } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type { Headers } from '../../src/models/headers.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

/** A complete response after which the connection can be reused. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** A complete response with `Connection: close`. */
export const LAST = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'

/** Scripted pools have no timeouts unless a test sets them. */
const UNLIMITED = null

/** Records the calls of one handler. Fails if it is called inside `dispatch` or after its end. */
export class RecordedCall implements DispatchHandler {
  control: DispatchControl | null = null
  head: Head | null = null
  body = ''
  trailers: Headers | null = null
  error: unknown
  endCount = 0
  /** Called in `onEnd` and `onError`. */
  whenEnded: () => void = () => {}

  get failure(): Error {
    assert.ok(this.error instanceof Error, 'the request has not failed')
    return this.error
  }

  onHead(head: Head): void {
    this.#check()
    this.head = head
  }

  onData(chunk: Uint8Array): void {
    this.#check()
    this.body += Buffer.from(chunk).latin1Slice()
  }

  onEnd(trailers: Headers): void {
    this.#check()
    this.endCount++
    this.trailers = trailers
    this.whenEnded()
  }

  onError(error: unknown): void {
    this.#check()
    this.endCount++
    this.error = error
    this.whenEnded()
  }

  #check(): void {
    assert.ok(this.control, 'the handler was called inside dispatch')
    assert.equal(this.endCount, 0, 'the handler was called after its end')
  }
}

/** A pool with scripted sockets and a scripted clock. */
export class ScriptedPool extends ConnectionPool {
  readonly backend: ScriptedBackend
  /** The closed connections, from `trace`: `origin reason`. */
  readonly closed: string[]

  constructor(options: PoolOptions = {}, backend = new ScriptedBackend()) {
    const closed: string[] = []
    super({
      timeouts: UNLIMITED,
      trace: (event, info) => {
        const { origin, reason } = info as { origin: string; reason: string }
        if (event === 'connection:close') closed.push(`${origin} ${reason}`)
      },
      ...options,
      backend,
    })
    this.backend = backend
    this.closed = closed
  }

  /** Dispatches a request. */
  start(origin: string, path = '/', more: Partial<DispatchRequest> = {}): RecordedCall {
    const call = new RecordedCall()
    call.control = this.dispatch({ origin, path, ...more }, call)
    return call
  }

  /** Dispatches a request, and waits for everything that happens without the test. */
  async send(
    origin: string,
    path = '/',
    more: Partial<DispatchRequest> = {},
  ): Promise<RecordedCall> {
    const call = this.start(origin, path, more)
    await settle()
    return call
  }

  get sockets(): ScriptedSocket[] {
    return this.backend.sockets
  }

  /** The sockets that are not closed or destroyed. */
  get open(): ScriptedSocket[] {
    return this.sockets.filter(isOpen)
  }

  /** Returns the socket on which a request for this path was sent last. */
  socketOf(path: string): ScriptedSocket {
    const found = this.sockets.findLast(({ written }) => written.includes(` ${path} HTTP/1.1\r\n`))
    assert.ok(found, `no request to ${path} was sent`)
    return found
  }

  wasSent(path: string): boolean {
    return this.sockets.some(({ written }) => written.includes(` ${path} HTTP/1.1\r\n`))
  }

  /** Opens a connection with one request, so that it is idle and polled. */
  async warm(origin: string): Promise<ScriptedSocket> {
    await this.send(origin, '/warm')
    const { socket } = this.backend
    socket.receive(OK)
    await this.backend.clock.flush()
    return socket
  }

  counts(): string {
    const { connecting, active, idle, waiting } = this.stats()
    return `${connecting} connecting, ${active} active, ${idle} idle, ${waiting} waiting`
  }
}

export function isOpen(socket: ScriptedSocket): boolean {
  return !socket.destroyed && !socket.closed
}

/** Closes the pool, and checks that it has no connections, requests or sockets any more. */
export async function assertEmpty(pool: ScriptedPool): Promise<void> {
  await pool.close()
  await settle()
  pool.assertQuiescent()
  const { connections, origins, waiting } = pool.stats()
  assert.deepEqual({ connections, origins, waiting }, { connections: 0, origins: 0, waiting: 0 })
  assert.equal(pool.backend.holdCount, 0)
  assert.deepEqual(pool.open, [])
}

export { settle }
