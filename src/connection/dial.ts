import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Phase } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { isSocks } from '../models/proxy.ts'
import type { Route } from '../models/route.ts'
import { SocksHandshake } from '../protocol/socks.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt } from './attempt.ts'
import { ConnectTunnel } from './connect-tunnel.ts'
import type { DialFailure, TunnelFailure } from './failures.ts'
import type { RaceOwner } from './race.ts'
import { Race } from './race.ts'
import { SocksTunnel } from './socks-tunnel.ts'
import type { TlsSessions } from './tls-sessions.ts'
import type { Tunnel, TunnelOwner } from './tunnel.ts'

/** How long a proxy that refuses may take to say why, in ms. */
const REFUSAL_DELAY = 250

export interface DialOwner {
  onPhase(phase: Phase): void
  /** `firstBytes`: what has been read from the socket already, for its next handler. */
  onDialed(socket: BackendSocket, firstBytes: Buffer | null): void
  onDialFailed(failure: DialFailure): void
  /** `proxy` is the one on the way; null for none. */
  onDialTimeout(proxy: Origin | null): void
}

/**
 * Establishes one connection: name, addresses, TLS; with a proxy all this to the proxy, then a
 * tunnel through it, and TLS through that. Under one deadline.
 */
export class Dial implements RaceOwner, TunnelOwner, AttemptOwner {
  readonly #backend: Backend
  readonly #origin: Origin
  readonly #route: Route
  readonly #sessions: TlsSessions
  readonly #owner: DialOwner
  /** Whom the socket is connected to: the proxy, if there is one. */
  readonly #peer: Origin
  readonly #deadline: Timer
  #deadlineAt = Number.POSITIVE_INFINITY
  #extended = false
  #over = false
  /** The step that is being taken; null while a name is resolved. */
  #step: Race | Tunnel | Attempt | null = null
  /** Of the origin, where the proxy is not to resolve it. */
  #address: Address | null = null

  /** @param origin where it leads to; for requests that are forwarded the proxy's own */
  constructor(
    origin: Origin,
    route: Route,
    backend: Backend,
    sessions: TlsSessions,
    timeout: number | null,
    owner: DialOwner,
  ) {
    this.#origin = origin
    this.#route = route
    this.#peer = route.proxy === null ? origin : route.proxy.origin
    this.#backend = backend
    this.#sessions = sessions
    this.#owner = owner
    const { clock } = backend
    this.#deadline = clock.timer(() => this.#onDeadline())
    if (timeout !== null) this.#endAt(clock.now() + timeout)
    clock.microtask(() => this.#start()) // nothing is told inside `dispatch`
  }

  /** Gives up without a word. */
  abort(): void {
    this.#over = true
    this.#deadline.cancel()
    const step = this.#step
    this.#step = null
    if (step instanceof Attempt) step.drop()
    else step?.abort()
  }

  // --- names

  #start(): void {
    if (this.#over) return
    const { uds, proxy } = this.#route
    if (uds !== null) return this.#race(null)
    if (proxy?.scheme !== 'socks5') return this.#resolvePeer()
    this.#resolve(this.#origin, (addresses) => {
      if (this.#chooseTarget(addresses)) this.#resolvePeer()
    })
  }

  /** The first that `onConnect` lets pass. It may end the dial: it is the caller's code. */
  #chooseTarget(addresses: readonly Address[]): boolean {
    const { host, port } = this.#origin
    let failure: { cause: unknown; address: string } | null = null
    for (const { address, family } of addresses) {
      try {
        this.#route.onConnect?.({ address, family, port, host })
        this.#address = { address, family }
        return !this.#over
      } catch (cause) {
        failure ??= { cause, address }
      }
      if (this.#over) return false
    }
    if (failure !== null) this.#fail(this.#origin, failure.cause, failure.address)
    return false
  }

  #resolvePeer(): void {
    this.#resolve(this.#peer, (addresses) => this.#race(addresses))
  }

  #resolve(whom: Origin, found: (addresses: readonly Address[]) => void): void {
    const { host, ipVersion } = whom
    if (ipVersion !== null) return found([{ address: host, family: ipVersion }])
    this.#owner.onPhase('dns')
    const answered = (error: Error | null, addresses: readonly Address[]) => {
      if (this.#over) return
      if (error === null && addresses.length > 0) return found(addresses)
      this.#fail(whom, error ?? new Error(`${host} has no address`), null)
    }
    const { lookup } = this.#route
    if (lookup === null) this.#backend.lookup(host, answered)
    else lookup(host, answered)
  }

  // --- a connection to the peer

  #race(addresses: readonly Address[] | null): void {
    const peer = this.#peer
    const tls = peer.secure ? this.#tlsTarget(peer) : null
    const race = new Race(peer, this.#route, this.#backend, tls, this)
    this.#step = race
    race.start(addresses)
  }

  #tlsTarget(peer: Origin): TlsTarget {
    const { proxy, tls } = this.#route
    return {
      host: peer.host,
      options: proxy !== null && peer === proxy.origin ? proxy.tls : tls,
      sessions: this.#sessions.storeOf(peer.key),
    }
  }

  onRacing(at: 'tcp' | 'tls'): void {
    this.#owner.onPhase(at === 'tls' && this.#route.proxy !== null ? 'proxy' : at)
  }

  onWon(socket: BackendSocket): void {
    if (this.#peer === this.#origin) this.#done(socket, null)
    else this.#openTunnel(socket, this.#route.proxy as ProxySettings)
  }

  onLost(cause: unknown, address: string | null): void {
    this.#fail(this.#peer, cause, address)
  }

  // --- through a proxy

  #openTunnel(socket: BackendSocket, proxy: ProxySettings): void {
    this.#owner.onPhase('proxy')
    const origin = this.#origin
    if (!isSocks(proxy.scheme)) {
      this.#step = new ConnectTunnel(socket, proxy, origin, this)
      return
    }
    const { host, ipVersion, port } = origin
    const { address, family } = this.#address ?? { address: host, family: ipVersion }
    try {
      const target = { host: address, ipVersion: family, port }
      const handshake = new SocksHandshake(target, proxy.credentials)
      this.#step = new SocksTunnel(socket, proxy, origin, handshake, this)
    } catch (cause) {
      socket.destroy()
      const what = `cannot be asked for ${origin.authority}: ${(cause as Error).message}`
      this.onTunnelFailed({ what, cause })
    }
  }

  onTunnel(socket: BackendSocket, firstBytes: Buffer | null): void {
    const origin = this.#origin
    if (!origin.secure) return this.#done(socket, firstBytes)
    this.#owner.onPhase('tls')
    const attempt = new Attempt(this, origin, null)
    this.#step = attempt
    attempt.socket = this.#backend.secure(socket, this.#tlsTarget(origin), attempt, firstBytes)
  }

  onTunnelFailed(tunnel: TunnelFailure): void {
    this.abort()
    const proxy = this.#peer
    this.#owner.onDialFailed({ cause: tunnel.cause, address: null, proxy, atProxy: true, tunnel })
  }

  onRefusing(): void {
    this.#endAt(Math.min(this.#deadlineAt, this.#backend.clock.now() + REFUSAL_DELAY))
  }

  // --- TLS through the tunnel

  connected(): void {}

  established({ socket }: Attempt): void {
    this.#done(socket, null)
  }

  closed({ peer }: Attempt, cause: Error): void {
    this.#fail(peer, cause, null)
  }

  // --- the end

  #done(socket: BackendSocket, firstBytes: Buffer | null): void {
    this.#step = null // the socket is not its any more
    this.abort()
    this.#owner.onDialed(socket, firstBytes)
  }

  #fail(at: Origin, cause: unknown, address: string | null): void {
    this.abort()
    const proxy = this.#route.proxy?.origin ?? null
    this.#owner.onDialFailed({ cause, address, proxy, atProxy: at === proxy, tunnel: null })
  }

  #endAt(time: number): void {
    this.#deadlineAt = time
    this.#deadline.arm(time - this.#backend.clock.now())
  }

  /** A connect needs several turns of the loop: when the timer is late, so was everything else. */
  #onDeadline(): void {
    const { clock } = this.#backend
    const late = clock.now() - this.#deadlineAt
    if (late < 0) return this.#deadline.arm(-late)
    if (late > 1 && !this.#extended) {
      this.#extended = true
      return this.#deadline.arm(late)
    }
    clock.afterPending(() => {
      if (this.#over) return
      if (this.#step instanceof ConnectTunnel && this.#step.tellRefusal()) return
      this.abort()
      this.#owner.onDialTimeout(this.#route.proxy?.origin ?? null)
    })
  }
}
