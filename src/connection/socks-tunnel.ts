import type { BackendSocket } from '../backends/backend.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import type { SocksHandshake, SocksStep } from '../protocol/socks.ts'
import type { TunnelOwner } from './tunnel.ts'
import { Tunnel } from './tunnel.ts'

/** In bytes. Longer than any reply, because bytes of the origin may follow in the same read. */
const READ_SIZE = 1024

/** The first byte of a request; that of user and password is 1. RFC 1928 4, 1929 2 */
const SOCKS_VERSION = 5

/** Opens a tunnel with SOCKS 5. RFC 1928 */
export class SocksTunnel extends Tunnel {
  readonly #handshake: SocksHandshake
  readonly #target = Buffer.alloc(READ_SIZE)
  #isAuthenticated = false

  constructor(
    socket: BackendSocket,
    proxy: ProxySettings,
    origin: Origin,
    handshake: SocksHandshake,
    owner: TunnelOwner,
  ) {
    super(socket, proxy, origin, owner)
    this.#handshake = handshake
    socket.write(handshake.greeting())
  }

  readTarget(): Uint8Array {
    return this.#target
  }

  onRead(length: number): void {
    if (!this.isDone) this.#follow(this.#handshake.take(this.#target.subarray(0, length)))
  }

  #follow(next: SocksStep): void {
    switch (next.step) {
      case 'wait':
        return
      case 'send':
        this.#isAuthenticated = next.bytes[0] === SOCKS_VERSION
        this.socket.write(next.bytes)
        return
      case 'open':
        return this.succeed(next.firstBytes.length === 0 ? null : Buffer.from(next.firstBytes))
      case 'refused':
        return this.fail({
          description: `refused a connection to ${this.authority}: ${next.reason}`,
          reason: next.reason,
          isFinal: !this.#isAuthenticated,
        })
      default:
        return this.fail({
          description: `sent an invalid response for ${this.authority}: ${next.fault}`,
          cause: new RemoteProtocolError(`The response is not valid SOCKS 5: ${next.fault}`),
        })
    }
  }
}
