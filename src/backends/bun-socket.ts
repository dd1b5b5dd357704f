import { withoutPrototype } from '../models/options.ts'
import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import { Delivery } from './delivery.ts'
import { KEEP_ALIVE_PROBES_AFTER } from './node.ts'
import type { BunApi, BunConnectOptions, BunHandlers, BunTcpSocket } from './other-runtimes.ts'
import { connectFailure, writeFailure } from './other-runtimes.ts'

/** Up to here a head and what follows it are copied together, beyond the rest goes by itself. */
const TOGETHER = 65_536

type Tcp = BunTcpSocket<BunSocket>

/** Shared by all sockets. */
const listeners: BunHandlers<BunSocket> = {
  open: (tcp) => tcp.data.onOpened(tcp),
  connectError: () => {}, // the promise says it, too, and always later
  data: (tcp, chunk) => tcp.data.delivery.bytes(chunk),
  drain: (tcp) => tcp.data.flush(),
  end: (tcp) => tcp.data.delivery.end(),
  close: (tcp, error) => tcp.data.onClosed(error ?? null),
  error: () => {}, // 'close' follows
}

/** A socket of `Bun.connect`. */
export class BunSocket implements BackendSocket {
  handler: SocketHandler
  /** For the listeners. */
  readonly delivery = new Delivery(this)
  #tcp: Tcp | null = null
  /** Written, and not taken by the operating system. */
  #unsent: Uint8Array[] = []
  #pending = 0
  #ending = false
  #writeFailed = false
  /** Before there is a socket to tell. */
  #keepAlive = false

  constructor(bun: BunApi, target: ConnectTarget, handler: SocketHandler) {
    this.handler = handler
    try {
      const refused = (error: Error) => this.delivery.close(connectFailure(error, target))
      bun.connect(this.#options(target)).catch(refused)
    } catch (error) {
      queueMicrotask(() => this.delivery.close(error as Error))
    }
  }

  #options(target: ConnectTarget): BunConnectOptions<BunSocket> {
    const { address, port, path } = withoutPrototype(target)
    const options = { allowHalfOpen: true, data: this, socket: listeners }
    if (path !== undefined) return withoutPrototype({ ...options, unix: path })
    if (address === undefined || port === undefined) throw new TypeError('no address and no path')
    return withoutPrototype({ ...options, hostname: address, port })
  }

  onOpened(tcp: Tcp): void {
    if (this.delivery.destroyed) {
      tcp.close()
      return
    }
    this.#tcp = tcp
    if (!this.#keepAlive) tcp.unref()
    tcp.setNoDelay(true)
    tcp.setKeepAlive(true, KEEP_ALIVE_PROBES_AFTER)
    this.handler.onConnect()
  }

  /** Bun closes what is ended on both sides; for the handler it then stays until `destroy`. */
  onClosed(error: Error | null): void {
    if (error !== null) this.delivery.close(error)
    else this.delivery.end()
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    if (tail !== undefined) this.#writeBoth(data, tail)
    else if (this.#pending === 0 && typeof data === 'string') this.#writeText(data)
    else this.#writeBytes(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this.#pending === 0
  }

  #writeText(text: string): void {
    const taken = this.#tcp?.write(text, 'latin1') ?? -1
    if (taken === text.length) return
    if (taken < 0) this.#failWriting()
    else this.#keep(Buffer.from(text, 'latin1').subarray(taken))
  }

  #writeBytes(bytes: Uint8Array): void {
    const taken = this.#pending > 0 ? 0 : (this.#tcp?.write(bytes) ?? -1)
    if (taken === bytes.length) return
    if (taken < 0) this.#failWriting()
    else this.#keep(bytes.subarray(taken))
  }

  #writeBoth(data: string | Uint8Array, tail: Uint8Array): void {
    const head = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    const fits = Math.max(0, TOGETHER - head.length)
    this.#writeBytes(Buffer.concat([head, tail.subarray(0, fits)]))
    if (tail.length > fits && !this.#writeFailed) this.#writeBytes(tail.subarray(fits))
  }

  #keep(bytes: Uint8Array): void {
    this.#unsent.push(bytes)
    this.#pending += bytes.length
  }

  /** For the listeners: the operating system takes more. */
  flush(): void {
    if (this.#pending === 0 || this.#tcp === null || this.delivery.destroyed) return
    while (this.#unsent.length > 0) {
      const bytes = this.#unsent[0]!
      const taken = this.#tcp.write(bytes)
      if (taken < 0) return this.#failWriting()
      this.#pending -= taken
      if (taken < bytes.length) {
        this.#unsent[0] = bytes.subarray(taken)
        return
      }
      this.#unsent.shift()
    }
    if (this.#ending) this.#tcp.shutdown()
    this.handler.onDrain()
  }

  #failWriting(): void {
    if (this.#writeFailed) return
    this.#writeFailed = true
    this.#unsent = []
    this.#pending = 0
    queueMicrotask(() => {
      if (!this.delivery.over) this.handler.onWriteError(writeFailure())
    })
  }

  pendingBytes(): number {
    return this.#pending
  }

  end(): void {
    if (this.#ending || this.#writeFailed) return
    this.#ending = true
    if (this.#pending === 0) this.#tcp?.shutdown()
  }

  pause(): void {
    this.delivery.pause()
    if (!this.delivery.over) this.#tcp?.pause()
  }

  resume(): void {
    this.delivery.resume(() => {
      if (!this.delivery.paused && !this.delivery.over) this.#tcp?.resume()
    })
  }

  destroy(): void {
    if (!this.delivery.destroy()) return
    this.#unsent = []
    this.#pending = 0
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

  get localAddress(): string | undefined {
    return this.#tcp?.localAddress
  }

  get localPort(): number | undefined {
    return this.#tcp?.localPort
  }

  get alpnProtocol(): false {
    return false
  }
}
