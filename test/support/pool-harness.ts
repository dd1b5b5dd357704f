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

/** Actions of the handler, which run after a call has been recorded. */
export interface HandlerActions {
  readonly onInformational?: (call: RecordedDispatch) => void
  readonly onHead?: (call: RecordedDispatch) => void
  readonly onData?: (call: RecordedDispatch, chunk: Uint8Array) => boolean | void
  readonly onEnd?: (call: RecordedDispatch) => void
  readonly onError?: (call: RecordedDispatch) => void
  /** The handler has an `onUpgrade` only if this is set. */
  readonly onUpgrade?: (call: RecordedDispatch) => void
}

/** Records one `dispatch`, and checks the guarantees that the engine gives to handlers. */
export class RecordedDispatch {
  /** For example `103`, `head 200`, `data hello`, `end`, `error ReadTimeout`, `upgrade 101`. */
  readonly events: string[] = []
  readonly informational: Head[] = []
  head: Head | null = null
  /** The received body as latin1. */
  body = ''
  trailers: Headers | null = null
  error: unknown
  socket: Duplex | null = null
  firstBytes = ''
  /** Whether the request has ended, with success, an error or an upgrade. */
  hasEnded = false
  /** Guarantees that the engine violated. */
  readonly violations: string[] = []
  readonly #control: DispatchControl
  readonly #actions: HandlerActions
  readonly #copy: boolean
  #isInCall = true
  #paused = false

  constructor(pool: ConnectionPool, request: DispatchRequest, actions: HandlerActions) {
    this.#actions = actions
    this.#copy = request.copy === true
    this.#control = pool.dispatch(request, this.#handler())
    this.#isInCall = false
  }

  resume(): void {
    this.#paused = false
    this.#callEngine(() => this.#control.resume())
  }

  abort(...reason: [] | [unknown]): void {
    this.#callEngine(() => this.#control.abort(...reason))
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /** The engine must not call the handler inside a call of the user. */
  #callEngine(action: () => void): void {
    const wasInCall = this.#isInCall
    this.#isInCall = true
    action()
    this.#isInCall = wasInCall
  }

  #handler(): DispatchHandler {
    const script = this.#actions
    const handler: DispatchHandler = {
      onInformational: (head) => {
        this.#record(`${head.status}`)
        if (this.head !== null) this.violations.push('a 1xx after the head')
        this.informational.push(head)
        script.onInformational?.(this)
      },
      onHead: (head) => {
        this.#record(`head ${head.status}`)
        if (this.head !== null) this.violations.push('a second head')
        this.head = head
        script.onHead?.(this)
      },
      onData: (chunk) => this.#onData(chunk),
      onEnd: (trailers) => {
        this.#recordEnd('end')
        this.trailers = trailers
        script.onEnd?.(this)
      },
      onError: (error) => {
        this.#recordEnd(`error ${error instanceof Error ? error.name : String(error)}`)
        this.error = error
        script.onError?.(this)
      },
    }
    if (script.onUpgrade !== undefined) {
      handler.onUpgrade = (socket, firstBytes, head) => {
        this.#recordEnd(`upgrade ${head.status}`)
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
    this.#record(`data ${text}`)
    if (this.head === null) this.violations.push('data before the head')
    if (this.#paused) this.violations.push('data during a pause')
    if (chunk.length === 0) this.violations.push('an empty chunk')
    this.body += text
    const result = this.#actions.onData?.(this, chunk)
    // A borrowed chunk is valid only during the call. Overwriting it, and later the window, shows
    // whether the engine or the handler uses it afterwards.
    if (!this.#copy) chunk.fill(0xee)
    queueMicrotask(() => window.fill(0xee))
    if (result === false) this.#paused = true
    return result === undefined ? undefined : result
  }

  #record(event: string): void {
    if (this.#isInCall) this.violations.push(`${event} inside a call`)
    if (this.hasEnded) this.violations.push(`${event} after the end`)
    this.events.push(event)
  }

  #recordEnd(event: string): void {
    if (event === 'end' && this.#paused) this.violations.push('end during a pause')
    this.#record(event)
    this.hasEnded = true
  }
}

/** A pool with a scripted backend, which records all dispatched requests and closed connections. */
export class PoolHarness {
  readonly backend = new ScriptedBackend()
  readonly pool: ConnectionPool
  readonly calls: RecordedDispatch[] = []
  /** The close reasons of connections, in order. */
  readonly closeReasons: string[] = []

  constructor(options: PoolOptions = {}) {
    this.pool = new ConnectionPool({
      ...options,
      backend: this.backend,
      trace: (event, info) => {
        if (event === 'connection:close')
          this.closeReasons.push((info as { reason: string }).reason)
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

  dispatch(request: Partial<DispatchRequest> = {}, script: HandlerActions = {}): RecordedDispatch {
    const call = new RecordedDispatch(this.pool, { origin: ORIGIN, path: '/', ...request }, script)
    this.calls.push(call)
    return call
  }

  /** Dispatches a request, and waits until it has been sent as far as possible. */
  async send(
    request: Partial<DispatchRequest> = {},
    script: HandlerActions = {},
  ): Promise<RecordedDispatch> {
    const call = this.dispatch(request, script)
    await settle()
    return call
  }

  /** Delivers bytes on the newest socket. */
  async receive(data: string | Uint8Array): Promise<void> {
    this.socket.receive(data)
    await settle()
  }

  /** Sends one request, and returns the socket of its connection, which is then idle. */
  async openIdleConnection(): Promise<ScriptedSocket> {
    const call = await this.send()
    await this.receive(OK)
    assert.deepEqual(call.events, ['head 200', 'data ok', 'end'])
    assert.equal(this.pool.stats().idle, 1)
    await this.clock.flush() // The connection is polled.
    this.socket.takeWritten()
    return this.socket
  }

  /**
   * Ends the test: checks that all requests have ended once, that nothing is held, that another
   * request works, and that no connection or timer remains after `close`.
   */
  async finish(): Promise<void> {
    await this.clock.flush()
    for (const call of this.calls) {
      assert.deepEqual(call.violations, [], inspect(call.events))
      assert.ok(call.hasEnded, `not ended: ${inspect(call.events)}`)
      call.socket?.destroy()
    }
    this.assertNothingInFlight()
    await this.#assertNextRequestWorks()
    await this.pool.close()
    await this.clock.flush()
    assert.equal(this.pool.stats().connections, 0)
    for (const socket of this.backend.sockets) assert.ok(socket.closed, 'a socket is still open')
    assert.equal(this.clock.armedTimers, 0, 'a timer is still armed')
  }

  assertNothingInFlight(): void {
    const { connecting, active, waiting } = this.pool.stats()
    assert.deepEqual({ connecting, active, waiting }, { connecting: 0, active: 0, waiting: 0 })
    assert.equal(this.backend.holdCount, 0, 'the process is kept alive')
    this.pool.assertQuiescent()
  }

  async #assertNextRequestWorks(): Promise<void> {
    this.backend.autoLookup = true
    this.backend.autoConnect = true
    const next = await this.send({ path: '/next' })
    const socket = this.backend.sockets.find(
      ({ closed, written }) => !closed && written.includes('GET /next '),
    )
    assert.ok(socket, `the next request was not sent: ${inspect(this.pool)}`)
    socket.receive(OK)
    await settle()
    assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
    assert.deepEqual(next.violations, [])
    this.assertNothingInFlight()
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Asserts that an error has this class and these properties. */
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

/** Runs `work`, and returns the uncaught exceptions of this time. */
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
