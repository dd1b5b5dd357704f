import { withoutPrototype } from '../models/options.ts'
import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import { ByteQueue } from './byte-queue.ts'
import { EventQueue } from './event-queue.ts'
import type {
  DenoApi,
  DenoConnection,
  DenoConnectOptions,
  DenoTlsOptions,
} from './other-runtimes.ts'
import { connectFailure, joinedWrites, writeFailure } from './other-runtimes.ts'

/** The size of the read buffer: of a quiet connection, and of one whose reads have filled it. */
const SMALL_READ = 8192
const LARGE_READ = 65_536

/**
 * A socket that uses `Deno.connect`. Deno fills the buffer of a read long before it resolves the
 * promise, so two sockets must not share a read target. Each socket reads into its own buffer, and
 * copies.
 */
export class DenoSocket implements BackendSocket {
  handler: SocketHandler
  readonly events = new EventQueue(this)
  readonly #connecting = new AbortController()
  #connection: DenoConnection | null = null
  #established = false
  #keepAlive = false
  #buffer = new Uint8Array(SMALL_READ)
  #reading = false
  readonly #unsent = new ByteQueue()
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
    if (this.events.destroyed) return
    this.handler.onConnect()
    if (tls !== null && !this.events.destroyed) await this.#secure(deno, tls)
    if (this.events.destroyed) return
    this.#established = true
    this.#flush()
    this.#read()
  }

  #options(target: ConnectTarget): DenoConnectOptions {
    const { address, port, path } = withoutPrototype(target)
    if (path !== undefined) return withoutPrototype({ transport: 'unix', path })
    if (address === undefined || port === undefined)
      throw new TypeError('ConnectTarget: expected address and port, or path')
    const { signal } = this.#connecting
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
    if (this.events.destroyed) return
    await connection.handshake()
    if (!this.events.destroyed) this.handler.onSecure()
  }

  #use(connection: DenoConnection): void {
    this.#connection = connection
    if (this.events.destroyed) {
      connection.close()
      return
    }
    if (!this.#keepAlive) connection.unref()
    connection.setNoDelay?.(true)
    connection.setKeepAlive?.(true)
  }

  /** Starts a read, unless one is in progress or the socket is paused. */
  #read(): void {
    const connection = this.#connection
    const { paused, destroyed, hasBytes: holding } = this.events
    if (this.#reading || connection === null || paused || destroyed || holding) return
    this.#reading = true
    connection.read(this.#buffer).then(this.#onRead, this.#onReadError)
  }

  readonly #onRead = (length: number | null): void => {
    this.#reading = false
    if (length === null) {
      this.events.addEnd()
      return
    }
    const buffer = this.#buffer
    this.events.addBytes(buffer.subarray(0, length))
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
    this.events.addError(error)
    this.#closeConnection()
  }

  #closeConnection(): void {
    try {
      this.#connection?.close()
    } catch {
      // It is closed already, or `startTls` owns it and will close it.
    }
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    if (tail !== undefined) for (const bytes of joinedWrites(data, tail)) this.#unsent.add(bytes)
    else this.#unsent.add(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    this.#flush()
    return false
  }

  #flush(): void {
    if (this.#writing || !this.#established || this.events.destroyed) return
    const bytes = this.#unsent.first
    if (bytes !== undefined) {
      this.#writing = true
      this.#connection!.write(bytes).then(this.#onWritten, this.#onWriteError)
    } else if (this.#ending) {
      this.#writing = true
      this.#connection!.closeWrite().catch(this.#onWriteError)
    }
  }

  readonly #onWritten = (accepted: number): void => {
    this.#writing = false
    if (this.events.destroyed) return
    this.#unsent.drop(accepted)
    this.#flush()
    if (this.#unsent.size === 0) this.handler.onDrain()
  }

  readonly #onWriteError = (error: Error): void => {
    if (this.events.destroyed || this.#writeFailed) return
    this.#writeFailed = true
    this.#unsent.clear()
    this.handler.onWriteError(writeFailure(error))
  }

  pendingBytes(): number {
    return this.#unsent.size
  }

  end(): void {
    if (this.#ending || this.#writeFailed) return
    this.#ending = true
    this.#flush()
  }

  pause(): void {
    this.events.pause()
  }

  resume(): void {
    this.events.resume(() => this.#read())
  }

  destroy(): void {
    if (!this.events.destroy()) return
    this.#unsent.clear()
    this.#connecting.abort()
    this.#closeConnection()
  }

  keepAlive(on: boolean): void {
    this.#keepAlive = on
    if (on) this.#connection?.ref()
    else this.#connection?.unref()
  }

  get remoteAddress(): string | undefined {
    return this.#connection?.remoteAddr.hostname
  }

  get remotePort(): number | undefined {
    return this.#connection?.remoteAddr.port
  }
}
