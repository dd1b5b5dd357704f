import { withoutPrototype } from '../models/options.ts'
import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import { ByteQueue } from './byte-queue.ts'
import { EventQueue } from './event-queue.ts'
import { KEEP_ALIVE_DELAY } from './node.ts'
import type { BunApi, BunConnectOptions, BunHandlers, BunTcpSocket } from './other-runtimes.ts'
import { connectFailure, joinedWrites, writeFailure } from './other-runtimes.ts'
import { microtask } from './runtime-timers.ts'

type Tcp = BunTcpSocket<BunSocket>

/** The handlers of `Bun.connect`, shared by all sockets. */
const listeners: BunHandlers<BunSocket> = {
  open: (tcp) => tcp.data.onOpened(tcp),
  connectError: () => {}, // the promise of `Bun.connect` rejects too, and never synchronously
  data: (tcp, chunk) => tcp.data.events.addBytes(chunk),
  drain: (tcp) => tcp.data.flush(),
  end: (tcp) => tcp.data.events.addEnd(),
  // Bun closes a socket once both sides have finished. The handler sees only the end then, because
  // `onClose` must wait for `destroy`.
  close: ({ data: { events } }, error) => (error ? events.addError(error) : events.addEnd()),
  error: () => {}, // 'close' follows
}

/** A socket that uses `Bun.connect`. */
export class BunSocket implements BackendSocket {
  handler: SocketHandler
  /** The queue of events, to which the shared handlers add. */
  readonly events = new EventQueue(this)
  #tcp: Tcp | null = null
  /** Written bytes that the operating system has not accepted. */
  readonly #unsent = new ByteQueue()
  #ending = false
  #writeFailed = false
  /** The last argument of `keepAlive`, applied when the socket opens. */
  #keepAlive = false

  constructor(bun: BunApi, target: ConnectTarget, handler: SocketHandler) {
    this.handler = handler
    try {
      const onError = (error: Error) => this.events.addError(connectFailure(error, target))
      bun.connect(this.#options(target)).catch(onError)
    } catch (error) {
      microtask(() => this.events.addError(error as Error))
    }
  }

  #options(target: ConnectTarget): BunConnectOptions<BunSocket> {
    const { address, port, path } = withoutPrototype(target)
    const options = { allowHalfOpen: true, data: this, socket: listeners }
    if (path !== undefined) return withoutPrototype({ ...options, unix: path })
    if (address === undefined || port === undefined)
      throw new TypeError('ConnectTarget: expected address and port, or path')
    return withoutPrototype({ ...options, hostname: address, port })
  }

  onOpened(tcp: Tcp): void {
    if (this.events.destroyed) {
      tcp.close()
      return
    }
    this.#tcp = tcp
    if (!this.#keepAlive) tcp.unref()
    tcp.setNoDelay(true)
    tcp.setKeepAlive(true, KEEP_ALIVE_DELAY)
    this.handler.onConnect()
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    if (tail !== undefined) this.#writeBoth(data, tail)
    else if (this.#unsent.size === 0 && typeof data === 'string') this.#writeText(data)
    else this.#writeBytes(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this.#unsent.size === 0
  }

  #writeText(text: string): void {
    const accepted = this.#tcp?.write(text, 'latin1') ?? -1
    if (accepted === text.length) return
    if (accepted < 0) this.#failWriting()
    else this.#unsent.add(Buffer.from(text, 'latin1').subarray(accepted))
  }

  #writeBytes(bytes: Uint8Array): void {
    const accepted = this.#unsent.size > 0 ? 0 : (this.#tcp?.write(bytes) ?? -1)
    if (accepted === bytes.length) return
    if (accepted < 0) this.#failWriting()
    else this.#unsent.add(bytes.subarray(accepted))
  }

  #writeBoth(data: string | Uint8Array, tail: Uint8Array): void {
    for (const bytes of joinedWrites(data, tail)) {
      if (!this.#writeFailed) this.#writeBytes(bytes)
    }
  }

  /** Called by the shared handlers when the operating system accepts more bytes. */
  flush(): void {
    if (this.#unsent.size === 0 || this.#tcp === null || this.events.destroyed) return
    for (let bytes = this.#unsent.first; bytes; bytes = this.#unsent.first) {
      const accepted = this.#tcp.write(bytes)
      if (accepted < 0) return this.#failWriting()
      this.#unsent.drop(accepted)
      if (accepted < bytes.length) return
    }
    if (this.#ending) this.#tcp.shutdown()
    this.handler.onDrain()
  }

  #failWriting(): void {
    if (this.#writeFailed) return
    this.#writeFailed = true
    this.#unsent.clear()
    microtask(() => {
      if (!this.events.closed) this.handler.onWriteError(writeFailure())
    })
  }

  pendingBytes(): number {
    return this.#unsent.size
  }

  end(): void {
    if (this.#ending || this.#writeFailed) return
    this.#ending = true
    if (this.#unsent.size === 0) this.#tcp?.shutdown()
  }

  pause(): void {
    this.events.pause()
    if (!this.events.closed) this.#tcp?.pause()
  }

  resume(): void {
    this.events.resume(() => {
      if (!this.events.paused && !this.events.closed) this.#tcp?.resume()
    })
  }

  destroy(): void {
    if (!this.events.destroy()) return
    this.#unsent.clear()
    this.#tcp?.close()
  }

  keepAlive(on: boolean): void {
    this.#keepAlive = on
    if (on) this.#tcp?.ref()
    else this.#tcp?.unref()
  }

  get remoteAddress(): string | undefined {
    return this.#tcp?.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#tcp?.remotePort
  }
}
