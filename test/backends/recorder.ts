import assert from 'node:assert/strict'
import type { BackendSocket, SocketHandler } from '../../src/backends/backend.ts'

/** Records all events, and checks that the socket keeps to the contract of `SocketHandler`. */
export class Recorder implements SocketHandler {
  readonly events: string[] = []
  /** The read target. */
  window = new Uint8Array(65_536)
  error: Error | null = null
  writeError: Error | null = null
  /** Called with each event after it was recorded. */
  on: (event: string) => void = () => {}
  #socket: BackendSocket | null = null
  #calls = 0
  #target: Uint8Array = this.window
  #chunks: Buffer[] = []
  #waiting: { condition: () => boolean; resolve: () => void }[] = []

  /** Opens a socket with this handler. An event while one of its methods runs fails the test. */
  listen(open: (handler: this) => BackendSocket): BackendSocket {
    this.#socket = this.#trackCall(() => open(this))
    return this.watch(this.#socket)
  }

  /** Wraps a socket to notice which of its methods are running. */
  watch(socket: BackendSocket): BackendSocket {
    return new Proxy(socket, {
      get: (_, name) => {
        const value = Reflect.get(socket, name, socket)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => this.#trackCall(() => Reflect.apply(value, socket, args))
      },
      set: (_, name, value) => Reflect.set(socket, name, value, socket),
    })
  }

  /** The unwrapped socket, for `secure`: a backend accepts only its own sockets. */
  get raw(): BackendSocket {
    assert.ok(this.#socket)
    return this.#socket
  }

  get received(): Buffer {
    this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  count(event: string): number {
    return this.events.filter((each) => each === event).length
  }

  /** Resolves when the condition is true after an event, or now. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }))
  }

  untilEvent(event: string): Promise<void> {
    return this.until(() => this.events.includes(event))
  }

  onConnect(): void {
    this.#record('connect')
  }

  onSecure(): void {
    this.#record('secure')
  }

  readTarget(): Uint8Array {
    assert.equal(this.#calls, 0, 'readTarget inside a call')
    this.#target = this.window
    return this.#target
  }

  onRead(length: number): void {
    assert.ok(length > 0 && length <= this.#target.length, `read ${length}`)
    this.#chunks.push(Buffer.from(this.#target.subarray(0, length)))
    this.#target.fill(0x23, 0, length) // the socket must not read these bytes later
    this.#record('read')
  }

  onDrain(): void {
    this.#record('drain')
  }

  onWriteError(error: Error): void {
    this.writeError = error
    this.#record('write error')
  }

  onEnd(): void {
    this.#record('end')
  }

  onClose(error: Error | null): void {
    this.error = error
    this.#record('close')
  }

  #trackCall<Result>(call: () => Result): Result {
    this.#calls += 1
    try {
      return call()
    } finally {
      this.#calls -= 1
    }
  }

  #record(event: string): void {
    assert.equal(this.#calls, 0, `${event} inside a call`)
    assert.ok(!this.events.includes('close'), `${event} after close`)
    this.events.push(event)
    this.on(event)
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => {
      if (!condition()) return true
      resolve()
      return false
    })
  }
}
