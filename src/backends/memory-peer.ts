import type { AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import { UNSET_STREAM_OPTIONS } from '../models/stream-options.ts'
import type { ConnectTarget } from './backend.ts'
import { clearTimeout, setTimeout } from './runtime-timers.ts'

/** The maximum number of bytes that are buffered in each direction. */
export const CAPACITY = 65_536

/** The host and the port of one end of a connection. */
export type HostPort = readonly [host: string, port: number]

/** The default address and port of the client. */
export const DEFAULT_CLIENT: HostPort = ['127.0.0.1', 123]

/** Receives the events of a `MemoryPeer`. The client's end of the connection implements it. */
export interface PeerHandler {
  /** The app wants to read. */
  onPeerRead(): void
  /** The app has written. @param done to be called when the app may write more */
  onPeerWrite(bytes: Buffer, done: () => void): void
  /** The app has finished writing. */
  onPeerEnd(): void
  /** The app has destroyed its end. */
  onPeerDestroy(error: Error | null): void
}

/**
 * The app's end of a connection in memory. To an `http.Server` it looks like an accepted socket.
 */
export class MemoryPeer extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** True for a connection with TLS, as on a `TLSSocket`; undefined as on a plain socket. */
  readonly encrypted: true | undefined
  readonly connecting = false
  readonly pending = false
  bytesRead = 0
  bytesWritten = 0
  /** The timeout set by `setTimeout`, in ms. */
  timeout: number | undefined
  readonly #handler: PeerHandler
  #timer: NodeJS.Timeout | undefined

  constructor(handler: PeerHandler, remote: HostPort, local: ConnectTarget) {
    super({ ...UNSET_STREAM_OPTIONS, highWaterMark: CAPACITY })
    this.#handler = handler
    ;[this.remoteAddress, this.remotePort] = remote
    this.localAddress = local.address
    this.localPort = local.port
    this.encrypted = local.tls ? true : undefined
  }

  get remoteFamily(): 'IPv4' | 'IPv6' {
    return familyOf(this.remoteAddress)
  }

  get localFamily(): 'IPv4' | 'IPv6' | undefined {
    return this.localAddress === undefined ? undefined : familyOf(this.localAddress)
  }

  address(): AddressInfo | Record<string, never> {
    const { localAddress: address, localPort: port, localFamily: family } = this
    if (address === undefined || port === undefined || family === undefined) return {}
    return { address, port, family }
  }

  /** Emits `timeout` after `ms` milliseconds without a byte in either direction; 0 disables it. */
  setTimeout(ms: number, callback?: () => void): this {
    clearTimeout(this.#timer)
    this.timeout = ms
    this.#timer = ms > 0 ? setTimeout(() => this.emit('timeout'), ms).unref() : undefined
    if (callback !== undefined) {
      if (ms > 0) this.once('timeout', callback)
      else this.off('timeout', callback)
    }
    return this
  }

  // The next four methods of `net.Socket` have no effect in memory.

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** Destroys this end after all its data has been written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  resetAndDestroy(): this {
    return this.destroy()
  }

  /** Passes bytes to the app. @returns whether it wants more */
  deliver(bytes: Buffer): boolean {
    this.bytesRead += bytes.length
    this.#timer?.refresh()
    return this.push(bytes)
  }

  override _read(): void {
    this.#handler.onPeerRead()
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.bytesWritten += bytes.length
    this.#timer?.refresh()
    this.#handler.onPeerWrite(bytes, done)
  }

  override _final(done: () => void): void {
    this.#handler.onPeerEnd()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#handler.onPeerDestroy(error)
    done(error)
  }
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
