import { withoutPrototype } from '../models/options.ts'
import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import { Delivery } from './delivery.ts'
import type {
  DenoAddress,
  DenoApi,
  DenoConnection,
  DenoConnectOptions,
  DenoTlsOptions,
} from './other-runtimes.ts'
import { connectFailure, writeFailure } from './other-runtimes.ts'

/** What an idle connection's read waits with, and that of one which fills it. */
const SMALL_READ = 8192
const LARGE_READ = 65_536

/** Up to here a head and what follows it are copied together, beyond the rest goes by itself. */
const TOGETHER = 65_536

/**
 * A socket of `Deno.connect`. Deno reads long before it says so: two sockets must not read into the
 * same target, so each has memory of its own, which is copied from.
 */
export class DenoSocket implements BackendSocket {
  handler: SocketHandler
  readonly delivery = new Delivery(this)
  readonly #dialling = new AbortController()
  #connection: DenoConnection | null = null
  #remote: DenoAddress | undefined
  #local: DenoAddress | undefined
  #alpnProtocol: string | false = false
  #established = false
  #keepAlive = false
  #buffer = new Uint8Array(SMALL_READ)
  #reading = false
  #unsent: Uint8Array[] = []
  #pending = 0
  #writing = false
  #ending = false
  #writeFailed = false

  constructor(
    deno: DenoApi,
    target: ConnectTarget,
    tls: DenoTlsOptions | null,
    handler: SocketHandler,
  ) {
    this.handler = handler
    this.#open(deno, target, tls).catch((error: Error) => this.#fail(error))
  }

  async #open(deno: DenoApi, target: ConnectTarget, tls: DenoTlsOptions | null): Promise<void> {
    const connected = deno.connect(this.#options(target))
    this.#use(await connected.catch((error) => Promise.reject(connectFailure(error, target))))
    if (this.delivery.destroyed) return
    this.handler.onConnect()
    if (tls !== null && !this.delivery.destroyed) await this.#secure(deno, tls)
    if (this.delivery.destroyed) return
    this.#established = true
    this.#flush()
    this.#read()
  }

  #options(target: ConnectTarget): DenoConnectOptions {
    const { address, port, path } = withoutPrototype(target)
    if (path !== undefined) return withoutPrototype({ transport: 'unix', path })
    if (address === undefined || port === undefined) throw new TypeError('no address and no path')
    const { signal } = this.#dialling
    return withoutPrototype({
      transport: 'tcp',
      hostname: address,
      port,
      autoSelectFamily: false,
      signal,
    })
  }

  async #secure(deno: DenoApi, tls: DenoTlsOptions): Promise<void> {
    const connection = await deno.startTls(this.#connection!, tls)
    this.#use(connection)
    if (this.delivery.destroyed) return
    const { alpnProtocol } = await connection.handshake()
    this.#alpnProtocol = alpnProtocol ?? false
    if (!this.delivery.destroyed) this.handler.onSecure()
  }

  #use(connection: DenoConnection): void {
    this.#connection = connection
    if (this.delivery.destroyed) {
      connection.close()
      return
    }
    if (!this.#keepAlive) connection.unref()
    connection.setNoDelay?.(true)
    connection.setKeepAlive?.(true)
    this.#remote = connection.remoteAddr
    this.#local = connection.localAddr
  }

  /** One read at a time, and none while paused. */
  #read(): void {
    const connection = this.#connection
    const { paused, destroyed, holding } = this.delivery
    if (this.#reading || connection === null || paused || destroyed || holding) return
    this.#reading = true
    connection.read(this.#buffer).then(this.#onRead, this.#onReadError)
  }

  readonly #onRead = (length: number | null): void => {
    this.#reading = false
    if (length === null) {
      this.delivery.end()
      return
    }
    const buffer = this.#buffer
    this.delivery.bytes(buffer.subarray(0, length))
    if (length === buffer.length) this.#buffer = new Uint8Array(LARGE_READ)
    else if (buffer.length === LARGE_READ && length < SMALL_READ) {
      this.#buffer = new Uint8Array(SMALL_READ)
    }
    this.#read()
  }

  readonly #onReadError = (error: Error): void => {
    this.#reading = false
    this.#fail(error)
  }

  #fail(error: Error): void {
    this.delivery.close(error)
    this.#release()
  }

  #release(): void {
    try {
      this.#connection?.close()
    } catch {
      // Closed already; or `startTls` has it, and then closes it.
    }
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    const head = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    if (tail === undefined) this.#keep(head)
    else {
      const fits = Math.max(0, TOGETHER - head.length)
      this.#keep(Buffer.concat([head, tail.subarray(0, fits)]))
      if (tail.length > fits) this.#keep(tail.subarray(fits))
    }
    this.#flush()
    return false
  }

  #keep(bytes: Uint8Array): void {
    this.#unsent.push(bytes)
    this.#pending += bytes.length
  }

  #flush(): void {
    if (this.#writing || !this.#established || this.delivery.destroyed) return
    if (this.#unsent.length > 0) {
      this.#writing = true
      this.#connection!.write(this.#unsent[0]!).then(this.#onWritten, this.#onWriteError)
    } else if (this.#ending) {
      this.#writing = true
      this.#connection!.closeWrite().catch(this.#onWriteError)
    }
  }

  readonly #onWritten = (taken: number): void => {
    this.#writing = false
    if (this.delivery.destroyed) return
    const bytes = this.#unsent[0]!
    this.#pending -= taken
    if (taken < bytes.length) this.#unsent[0] = bytes.subarray(taken)
    else this.#unsent.shift()
    this.#flush()
    if (this.#pending === 0) this.handler.onDrain()
  }

  readonly #onWriteError = (error: Error): void => {
    if (this.delivery.destroyed || this.#writeFailed) return
    this.#writeFailed = true
    this.#unsent = []
    this.#pending = 0
    this.handler.onWriteError(writeFailure(error))
  }

  pendingBytes(): number {
    return this.#pending
  }

  end(): void {
    if (this.#ending || this.#writeFailed) return
    this.#ending = true
    this.#flush()
  }

  pause(): void {
    this.delivery.pause()
  }

  resume(): void {
    this.delivery.resume(() => this.#read())
  }

  destroy(): void {
    if (!this.delivery.destroy()) return
    this.#unsent = []
    this.#pending = 0
    this.#dialling.abort()
    this.#release()
  }

  keepAlive(on: boolean): void {
    this.#keepAlive = on
    if (on) this.#connection?.ref()
    else this.#connection?.unref()
  }

  get remoteAddress(): string | undefined {
    return this.#remote?.hostname
  }

  get remotePort(): number | undefined {
    return this.#remote?.port
  }

  get localAddress(): string | undefined {
    return this.#local?.hostname
  }

  get localPort(): number | undefined {
    return this.#local?.port
  }

  get alpnProtocol(): string | false {
    return this.#alpnProtocol
  }
}
