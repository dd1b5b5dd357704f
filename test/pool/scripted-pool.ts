import assert from 'node:assert/strict'
import type { DispatchControl, DispatchHandler, DispatchRequest, Head } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type { Headers } from '../../src/models/headers.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

/** A whole response that keeps the connection. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** A whole response after which the server closes. */
export const LAST = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'

/** No time limits but those that a test gives. */
const UNLIMITED = null

/** What one dispatch was told; and that it was told nothing inside `dispatch`, and one end at most. */
export class Told implements DispatchHandler {
  control: DispatchControl | null = null
  head: Head | null = null
  body = ''
  trailers: Headers | null = null
  error: unknown
  ends = 0
  /** Called with the end, whichever it is. */
  atEnd: () => void = () => {}

  get failed(): Error {
    assert.ok(this.error instanceof Error, 'it has not failed')
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
    this.ends++
    this.trailers = trailers
    this.atEnd()
  }

  onError(error: unknown): void {
    this.#check()
    this.ends++
    this.error = error
    this.atEnd()
  }

  #check(): void {
    assert.ok(this.control, 'told inside dispatch')
    assert.equal(this.ends, 0, 'told after the end')
  }
}

/** A pool on a network and in a time that the test plays. */
export class ScriptedPool extends ConnectionPool {
  readonly backend: ScriptedBackend
  /** What `trace` heard: `close origin reason`. */
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

  ask(origin: string, path = '/', more: Partial<DispatchRequest> = {}): Told {
    const told = new Told()
    told.control = this.dispatch({ origin, path, ...more }, told)
    return told
  }

  /** The same, and all that follows without anybody's doing. */
  async asked(origin: string, path = '/', more: Partial<DispatchRequest> = {}): Promise<Told> {
    const told = this.ask(origin, path, more)
    await settle()
    return told
  }

  get sockets(): ScriptedSocket[] {
    return this.backend.sockets
  }

  /** Those that are neither closed nor about to be. */
  get open(): ScriptedSocket[] {
    return this.sockets.filter(isOpen)
  }

  /** The socket that a request to this path was last sent on. */
  socketOf(path: string): ScriptedSocket {
    const found = this.sockets.findLast(({ written }) => written.includes(` ${path} HTTP/1.1\r\n`))
    assert.ok(found, `no request to ${path} was sent`)
    return found
  }

  wasSent(path: string): boolean {
    return this.sockets.some(({ written }) => written.includes(` ${path} HTTP/1.1\r\n`))
  }

  /** A connection that has served one request and idles. */
  async warm(origin: string): Promise<ScriptedSocket> {
    await this.asked(origin, '/warm')
    const { socket } = this.backend
    socket.receive(OK)
    await settle()
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

/** That nothing is left: for the end of a test. */
export async function assertEmpty(pool: ScriptedPool): Promise<void> {
  await pool.close()
  await settle()
  pool.assertQuiescent()
  const { connections, origins, waiting } = pool.stats()
  assert.deepEqual({ connections, origins, waiting }, { connections: 0, origins: 0, waiting: 0 })
  assert.equal(pool.backend.held, 0)
  assert.deepEqual(pool.open, [])
}

export { settle }
