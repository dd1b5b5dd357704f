import type {
  Address,
  Backend,
  BackendSocket,
  ConnectTarget,
  SocketHandler,
  TlsTarget,
} from '../../src/backends/backend.ts'
import { ScriptedClock } from './scripted-clock.ts'
import { ScriptedSocket } from './scripted-socket.ts'

const LOOPBACK: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

/** A lookup of the addresses of a host, which the test answers. */
export class ScriptedLookup {
  readonly host: string
  answered = false
  readonly #callback: (error: Error | null, addresses: readonly Address[]) => void

  constructor(
    host: string,
    callback: (error: Error | null, addresses: readonly Address[]) => void,
  ) {
    this.host = host
    this.#callback = callback
  }

  answer(addresses: readonly Address[]): void {
    this.#settle(null, addresses)
  }

  fail(error: Error): void {
    this.#settle(error, [])
  }

  #settle(error: Error | null, addresses: readonly Address[]): void {
    if (this.answered) throw new Error(`the lookup of ${this.host} has already been answered`)
    this.answered = true
    this.#callback(error, addresses)
  }
}

/**
 * A backend without network and real time. The test controls the results of lookups, what arrives
 * on each socket, and the clock, and it reads what was written.
 */
export class ScriptedBackend implements Backend {
  readonly name = 'scripted'
  readonly clock = new ScriptedClock()
  /** All sockets, the oldest first. TLS over a tunnel is a separate socket. */
  readonly sockets: ScriptedSocket[] = []
  readonly lookups: ScriptedLookup[] = []
  /** The addresses or the error of each host. Other hosts resolve to 127.0.0.1. */
  readonly hosts = new Map<string, readonly Address[] | Error>()
  /** Whether lookups are answered from `hosts`. False: the test answers those in `lookups`. */
  autoLookup = true
  /** Whether sockets connect and complete TLS automatically. False: the test calls the methods. */
  autoConnect = true
  /** Calls of `hold` minus calls of `release`. */
  holdCount = 0

  /** The newest socket. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('no socket has been opened')
    return socket
  }

  lookup(
    host: string,
    callback: (error: Error | null, addresses: readonly Address[]) => void,
  ): void {
    const lookup = new ScriptedLookup(host, callback)
    this.lookups.push(lookup)
    if (!this.autoLookup) return
    queueMicrotask(() => {
      const found = this.hosts.get(host) ?? LOOPBACK
      if (found instanceof Error) lookup.fail(found)
      else lookup.answer(found)
    })
  }

  connect(target: ConnectTarget, handler: SocketHandler): ScriptedSocket {
    return this.#add(new ScriptedSocket(handler, target, target.tls ?? null, null))
  }

  secure(
    socket: BackendSocket,
    tls: TlsTarget,
    handler: SocketHandler,
    firstBytes: Uint8Array | null = null,
  ): ScriptedSocket {
    if (!(socket instanceof ScriptedSocket)) {
      throw new TypeError('secure: expected a socket of this backend')
    }
    return this.#add(new ScriptedSocket(handler, socket.target, tls, socket, firstBytes))
  }

  hold(): void {
    this.holdCount += 1
  }

  release(): void {
    this.holdCount -= 1
  }

  #add(socket: ScriptedSocket): ScriptedSocket {
    this.sockets.push(socket)
    socket.onDelivered = () => {
      if (this.clock.autoPoll) this.clock.endPoll()
    }
    if (this.autoConnect) {
      queueMicrotask(() => {
        if (!socket.closed && socket.tunnel === null) socket.connected()
        if (!socket.closed && socket.tls !== null) socket.secured()
      })
    }
    return socket
  }
}
