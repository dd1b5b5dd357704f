import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type {
  DispatchControl,
  DispatchHandler,
  DispatchRequest,
  Head,
  Headers,
  PoolOptions,
} from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { window } from '../../src/protocol/llhttp.ts'
import { ScriptedBackend } from './scripted-backend.ts'
import type { ScriptedClock } from './scripted-clock.ts'
import { settle } from './scripted-clock.ts'
import type { ScriptedSocket } from './scripted-socket.ts'

export const ORIGIN = 'http://h.test'

/** What a handler does when it is called, after the call was recorded. */
export interface Script {
  readonly onInformational?: (call: Call) => void
  readonly onHead?: (call: Call) => void
  readonly onData?: (call: Call, chunk: Uint8Array) => boolean | void
  readonly onEnd?: (call: Call) => void
  readonly onError?: (call: Call) => void
  /** Without it the handler has no `onUpgrade`. */
  readonly onUpgrade?: (call: Call) => void
}

/** One `dispatch`: hears everything, and holds the engine to what it promises of handlers. */
export class Call {
  /** `103`, `head 200`, `data hello`, `end`, `error ReadTimeout`, `upgrade 101`, in order. */
  readonly events: string[] = []
  readonly informational: Head[] = []
  head: Head | null = null
  /** Latin1. */
  body = ''
  trailers: Headers | null = null
  error: unknown
  socket: Duplex | null = null
  firstBytes = ''
  /** It has ended, in one way or another. */
  over = false
  /** Promises that were not kept. */
  readonly violations: string[] = []
  readonly #control: DispatchControl
  readonly #script: Script
  readonly #copy: boolean
  #inside = true
  #paused = false

  constructor(pool: ConnectionPool, request: DispatchRequest, script: Script) {
    this.#script = script
    this.#copy = request.copy === true
    this.#control = pool.dispatch(request, this.#handler())
    this.#inside = false
  }

  resume(): void {
    this.#paused = false
    this.#during(() => this.#control.resume())
  }

  abort(...reason: [] | [unknown]): void {
    this.#during(() => this.#control.abort(...reason))
  }

  get pausedByScript(): boolean {
    return this.#paused
  }

  /** Nothing is told inside a call of the user's. */
  #during(act: () => void): void {
    const before = this.#inside
    this.#inside = true
    act()
    this.#inside = before
  }

  #handler(): DispatchHandler {
    const script = this.#script
    const handler: DispatchHandler = {
      onInformational: (head) => {
        this.#told(`${head.status}`)
        if (this.head !== null) this.violations.push('a 1xx behind the head')
        this.informational.push(head)
        script.onInformational?.(this)
      },
      onHead: (head) => {
        this.#told(`head ${head.status}`)
        if (this.head !== null) this.violations.push('a second head')
        this.head = head
        script.onHead?.(this)
      },
      onData: (chunk) => this.#onData(chunk),
      onEnd: (trailers) => {
        this.#ended('end')
        this.trailers = trailers
        script.onEnd?.(this)
      },
      onError: (error) => {
        this.#ended(`error ${error instanceof Error ? error.name : String(error)}`)
        this.error = error
        script.onError?.(this)
      },
    }
    if (script.onUpgrade !== undefined) {
      handler.onUpgrade = (socket, firstBytes, head) => {
        this.#ended(`upgrade ${head.status}`)
        this.head = head
        this.socket = socket
        this.firstBytes = Buffer.from(firstBytes).latin1Slice()
        script.onUpgrade?.(this)
      }
    }
    return handler
  }

  #onData(chunk: Uint8Array): boolean | undefined {
    const text = Buffer.from(chunk).latin1Slice()
    this.#told(`data ${text}`)
    if (this.head === null) this.violations.push('data before the head')
    if (this.#paused) this.violations.push('data during a pause')
    if (chunk.length === 0) this.violations.push('a chunk of nothing')
    this.body += text
    const answer = this.#script.onData?.(this, chunk)
    // A borrowed chunk is gone, and everything else in the window with it.
    if (!this.#copy) chunk.fill(0xee)
    queueMicrotask(() => window.fill(0xee))
    if (answer === false) this.#paused = true
    return answer === undefined ? undefined : answer
  }

  #told(event: string): void {
    if (this.#inside) this.violations.push(`${event} inside a call`)
    if (this.over) this.violations.push(`${event} after the end`)
    this.events.push(event)
  }

  #ended(event: string): void {
    if (event === 'end' && this.#paused) this.violations.push('end during a pause')
    this.#told(event)
    this.over = true
  }
}

/** A pool on scripted sockets and scripted time, and everything that was asked of it. */
export class Stage {
  readonly backend = new ScriptedBackend()
  readonly pool: ConnectionPool
  readonly calls: Call[] = []
  /** Why connections were closed, in order. */
  readonly closes: string[] = []

  constructor(options: PoolOptions = {}) {
    this.pool = new ConnectionPool({
      ...options,
      backend: this.backend,
      trace: (event, info) => {
        if (event === 'connection:close') this.closes.push((info as { reason: string }).reason)
      },
    })
  }

  get clock(): ScriptedClock {
    return this.backend.clock
  }

  /** The newest socket. */
  get socket(): ScriptedSocket {
    return this.backend.socket
  }

  dispatch(request: Partial<DispatchRequest> = {}, script: Script = {}): Call {
    const call = new Call(this.pool, { origin: ORIGIN, path: '/', ...request }, script)
    this.calls.push(call)
    return call
  }

  /** Dispatches, and waits until what can be sent has been. */
  async send(request: Partial<DispatchRequest> = {}, script: Script = {}): Promise<Call> {
    const call = this.dispatch(request, script)
    await settle()
    return call
  }

  /** Receives on the newest socket. */
  async receive(data: string | Uint8Array): Promise<void> {
    this.socket.receive(data)
    await settle()
  }

  /** A connection that has served one request and idles. */
  async warm(): Promise<ScriptedSocket> {
    const call = await this.send()
    await this.receive(OK)
    assert.deepEqual(call.events, ['head 200', 'data ok', 'end'])
    assert.equal(this.pool.stats().idle, 1)
    this.socket.takeWritten()
    return this.socket
  }

  /**
   * Everything has ended, once; nothing is held; the next request works, and after `close` nothing
   * is left.
   */
  async done(): Promise<void> {
    await this.clock.flush()
    for (const call of this.calls) {
      assert.deepEqual(call.violations, [], inspect(call.events))
      assert.ok(call.over, `not over: ${inspect(call.events)}`)
      call.socket?.destroy()
    }
    this.assertNothingInFlight()
    await this.#assertNextWorks()
    await this.pool.close()
    await this.clock.flush()
    assert.equal(this.pool.stats().connections, 0)
    for (const socket of this.backend.sockets) assert.ok(socket.closed, 'a socket is left open')
    assert.equal(this.clock.armedTimers, 0, 'a timer is left')
  }

  assertNothingInFlight(): void {
    const { connecting, active, waiting } = this.pool.stats()
    assert.deepEqual({ connecting, active, waiting }, { connecting: 0, active: 0, waiting: 0 })
    assert.equal(this.backend.held, 0, 'the process is held')
    this.pool.assertQuiescent()
  }

  async #assertNextWorks(): Promise<void> {
    this.backend.autoLookup = true
    this.backend.autoConnect = true
    const next = await this.send({ path: '/next' })
    const socket = this.backend.sockets.find(
      ({ closed, written }) => !closed && written.includes('GET /next '),
    )
    assert.ok(socket, `the next request went nowhere: ${inspect(this.pool)}`)
    socket.receive(OK)
    await settle()
    assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
    assert.deepEqual(next.violations, [])
    this.assertNothingInFlight()
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** An error of this class with these facts. */
export function assertError(
  error: unknown,
  type: new (...args: never[]) => Error,
  facts: Record<string, unknown> = {},
  where = '',
): void {
  assert.ok(error instanceof type, `${where} ${inspect(error)}`)
  const known = error as unknown as Record<string, unknown>
  const actual = Object.fromEntries(Object.keys(facts).map((name) => [name, known[name]]))
  assert.deepEqual(actual, facts, where)
}

/** Runs `work`; gives what was thrown outside of every call meanwhile. */
export async function uncaughtDuring(work: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => errors.push(error))
  try {
    await work()
    await settle()
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  return errors
}
