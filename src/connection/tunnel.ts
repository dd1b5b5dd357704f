import type { BackendSocket, SocketHandler } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import type { TunnelFailure } from './failures.ts'
import { isTlsAlert, reasonOf } from './failures.ts'

export interface TunnelOwner {
  /** Once. `firstBytes` came behind the proxy's answer, and are the origin's. */
  onTunnel(socket: BackendSocket, firstBytes: Buffer | null): void
  /** Once, instead; the socket has been destroyed. */
  onTunnelFailed(failure: TunnelFailure): void
  /** The proxy has refused, and may go on to say why. */
  onRefusing(): void
}

/** A connection to a proxy, while it is asked for a tunnel to an origin. */
export abstract class Tunnel implements SocketHandler {
  protected readonly proxy: ProxySettings
  /** The origin, as `host:port`. */
  protected readonly authority: string
  protected readonly socket: BackendSocket
  protected over = false
  readonly #owner: TunnelOwner
  #writeError: Error | null = null

  constructor(socket: BackendSocket, proxy: ProxySettings, origin: Origin, owner: TunnelOwner) {
    this.socket = socket
    this.proxy = proxy
    this.authority = authorityForm(origin)
    this.#owner = owner
    socket.handler = this
  }

  /** Gives up without a word. */
  abort(): void {
    if (this.over) return
    this.over = true
    this.socket.destroy()
  }

  /** @returns whether the proxy had refused, which has been told now: its reason is not waited for any more. */
  tellRefusal(): boolean {
    return false
  }

  protected refusing(): void {
    this.#owner.onRefusing()
  }

  protected open(firstBytes: Buffer | null): void {
    if (this.over) return
    this.over = true
    this.#owner.onTunnel(this.socket, firstBytes)
  }

  protected fail(failure: TunnelFailure): void {
    if (this.over) return
    this.abort()
    this.#owner.onTunnelFailed(failure)
  }

  abstract readTarget(): Uint8Array
  abstract onRead(length: number): void

  onEnd(): void {
    this.#cut(null)
  }

  onClose(error: Error | null): void {
    this.#cut(error)
  }

  #cut(error: Error | null): void {
    if (this.over || this.tellRefusal()) return
    const cause = error ?? this.#writeError ?? new Error('the proxy closed the connection')
    this.fail({
      what: `closed the connection before a tunnel to ${this.authority} was open: ${reasonOf(cause)}`,
      cause,
      isFinal: isTlsAlert(cause),
    })
  }

  /** The answer may stand behind the error. */
  onWriteError(error: Error): void {
    this.#writeError = error
  }

  onConnect(): void {}
  onSecure(): void {}
  onDrain(): void {}
}

/** The port always stands. RFC 9112 3.2.3 */
function authorityForm({ host, ipVersion, port }: Origin): string {
  return ipVersion === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
