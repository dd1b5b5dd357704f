import type { AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'

/** How many bytes wait on the way to each side. */
export const CAPACITY = 65_536

/** Host and port of one side. */
export type HostPort = readonly [host: string, port: number]

/** What the other end is told. */
export interface PeerOwner {
  /** The app wants to read. */
  onPeerRead(): void
  onPeerWrite(bytes: Buffer, taken: () => void): void
  /** The app has finished writing. */
  onPeerEnd(): void
  onPeerGone(error: Error | null): void
}

/** The app's end of a connection inside the process: to a server it looks like an accepted socket. */
export class MemoryPeer extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** As on a `TLSSocket`; on a plain socket there is no such thing. */
  readonly encrypted: true | undefined
  readonly connecting = false
  readonly pending = false
  bytesRead = 0
  bytesWritten = 0
  /** Of `setTimeout`, in milliseconds. */
  timeout: number | undefined
  readonly #owner: PeerOwner
  #timer: NodeJS.Timeout | undefined

  constructor(owner: PeerOwner, remote: HostPort, local: Partial<HostPort>, encrypted: boolean) {
    super({ highWaterMark: CAPACITY })
    this.#owner = owner
    ;[this.remoteAddress, this.remotePort] = remote
    ;[this.localAddress, this.localPort] = local
    this.encrypted = encrypted || undefined
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

  /** `timeout` is emitted after `ms` without a byte either way; 0 is never. Keeps no process alive. */
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

  /** Closes once all is written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  resetAndDestroy(): this {
    return this.destroy()
  }

  /** @returns whether the app wants more */
  deliver(bytes: Buffer): boolean {
    this.bytesRead += bytes.length
    this.#timer?.refresh()
    return this.push(bytes)
  }

  override _read(): void {
    this.#owner.onPeerRead()
  }

  override _write(bytes: Buffer, _encoding: string, taken: () => void): void {
    this.bytesWritten += bytes.length
    this.#timer?.refresh()
    this.#owner.onPeerWrite(bytes, taken)
  }

  override _final(done: () => void): void {
    this.#owner.onPeerEnd()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#owner.onPeerGone(error)
    done(error)
  }
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
