import type { BackendSocket } from '../backends/backend.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import type { SocksHandshake, SocksStep } from '../protocol/socks.ts'
import type { TunnelOwner } from './tunnel.ts'
import { Tunnel } from './tunnel.ts'

/** Longer than any answer, so that first bytes of the origin fit behind the last. */
const READ_SIZE = 1024

/** What a request begins with; user and password begin with 1. RFC 1928 4, 1929 2 */
const REQUEST = 5

/** SOCKS 5. RFC 1928 */
export class SocksTunnel extends Tunnel {
  readonly #handshake: SocksHandshake
  readonly #target = Buffer.alloc(READ_SIZE)
  #credentialsTaken = false

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
    if (!this.over) this.#follow(this.#handshake.take(this.#target.subarray(0, length)))
  }

  #follow(next: SocksStep): void {
    switch (next.step) {
      case 'wait':
        return
      case 'send':
        this.#credentialsTaken = next.bytes[0] === REQUEST
        this.socket.write(next.bytes)
        return
      case 'open':
        return this.open(next.rest.length === 0 ? null : Buffer.from(next.rest))
      case 'refused':
        return this.fail({
          what: `refused a connection to ${this.authority}: ${next.reason}`,
          reason: next.reason,
          isFinal: !this.#credentialsTaken,
        })
      default:
        return this.fail({
          what: `gave no valid answer for ${this.authority}: ${next.fault}`,
          cause: new RemoteProtocolError(`The answer is not SOCKS 5: ${next.fault}`),
        })
    }
  }
}
