import type { BackendSocket, SocketHandler } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import type { TunnelFailure } from './transport-errors.ts'
import { isTlsAlert, systemMessage } from './transport-errors.ts'

export interface TunnelOwner {
  /** Called once. `firstBytes` came after the proxy's response, from the origin; null for none. */
  onTunnel(socket: BackendSocket, firstBytes: Buffer | null): void
  /** Called once instead of `onTunnel`. The socket was destroyed. */
  onTunnelFailed(failure: TunnelFailure): void
  /** The proxy refused. Its explanation may follow, and then `onTunnelFailed`. */
  onRefusal(): void
}

/** Opens a tunnel to an origin, on a connection to a proxy. Subclasses implement the protocols. */
export abstract class Tunnel implements SocketHandler {
  protected readonly proxy: ProxySettings
  /** The origin, as `host:port`. */
  protected readonly authority: string
  protected readonly socket: BackendSocket
  protected isDone = false
  readonly #owner: TunnelOwner
  #writeError: Error | null = null

  constructor(socket: BackendSocket, proxy: ProxySettings, origin: Origin, owner: TunnelOwner) {
    this.socket = socket
    this.proxy = proxy
    this.authority = authorityForm(origin)
    this.#owner = owner
    socket.handler = this
  }

  /** Closes the socket. The owner is not called any more. */
  abort(): void {
    if (this.isDone) return
    this.isDone = true
    this.socket.destroy()
  }

  /** Reports a refusal without waiting for the rest of its body. Returns whether there was one. */
  reportRefusal(): boolean {
    return false
  }

  protected notifyRefusal(): void {
    this.#owner.onRefusal()
  }

  protected succeed(firstBytes: Buffer | null): void {
    if (this.isDone) return
    this.isDone = true
    this.#owner.onTunnel(this.socket, firstBytes)
  }

  protected fail(failure: TunnelFailure): void {
    if (this.isDone) return
    this.abort()
    this.#owner.onTunnelFailed(failure)
  }

  abstract readTarget(): Uint8Array
  abstract onRead(length: number): void

  onEnd(): void {
    this.#failClosed(null)
  }

  onClose(error: Error | null): void {
    this.#failClosed(error)
  }

  #failClosed(error: Error | null): void {
    if (this.isDone || this.reportRefusal()) return
    const cause = error ?? this.#writeError ?? new Error('the proxy closed the connection')
    this.fail({
      description: `closed the connection before a tunnel to ${this.authority} was open: ${systemMessage(cause)}`,
      cause,
      isFinal: isTlsAlert(cause),
    })
  }

  /** Does not end the tunnel: the proxy may have responded before it closed the connection. */
  onWriteError(error: Error): void {
    this.#writeError = error
  }

  onConnect(): void {}
  onSecure(): void {}
  onDrain(): void {}
}

/** The target of CONNECT always has a port. RFC 9112 3.2.3 */
function authorityForm({ host, ipVersion, port }: Origin): string {
  return ipVersion === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
