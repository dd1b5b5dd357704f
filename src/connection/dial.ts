import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Phase } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { isSocks } from '../models/proxy.ts'
import type { Route } from '../models/route.ts'
import type { SocksTarget } from '../protocol/socks.ts'
import { SocksHandshake } from '../protocol/socks.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt, alternate } from './attempt.ts'
import { ConnectTunnel } from './connect-tunnel.ts'
import type { DialFailure } from './failures.ts'
import type { SessionCache } from './session-cache.ts'
import { SocksTunnel } from './socks-tunnel.ts'
import type { Tunnel, TunnelFailure, TunnelOwner } from './tunnel.ts'

/** How long one address may be alone before the next is tried beside it, in ms. RFC 8305 5 */
const ATTEMPT_DELAY = 250

/** How long a proxy that refuses may take to say why, in ms. */
const REFUSAL_DELAY = 250

export interface DialOwner {
  onPhase(phase: Phase): void
  /** `firstBytes`: what has been read from the socket already, for its next handler. */
  onDialed(socket: BackendSocket, firstBytes: Buffer | null): void
  onDialFailed(failure: DialFailure): void
  onDialTimeout(proxy: Origin | null): void
}

/**
 * Establishes one connection: name, addresses raced (RFC 8305), TLS; with a proxy all this to the
 * proxy, then a tunnel and TLS through it. Under one deadline.
 */
export class Dial implements AttemptOwner, TunnelOwner {
  readonly #backend: Backend
  readonly #origin: Origin
  readonly #route: Route
  readonly #sessions: SessionCache
  readonly #owner: DialOwner
  /** Whom the socket is connected to: the proxy, if there is one. */
  readonly #peer: Origin
  readonly #attempts = new Set<Attempt>()
  readonly #deadline: Timer
  readonly #nextAttempt: Timer
  #waiting: Address[] = []
  #tunnel: Tunnel | null = null
  /** Of the origin, where a proxy wants an address. */
  #address: Address | null = null
  #deadlineAt = Number.POSITIVE_INFINITY
  /** Of the first address that failed, but of TLS if it came that far. */
  #failure: { cause: unknown; address: string | null } | null = null
  #extended = false
  #over = false

  /** @param origin where it leads to; for requests that are forwarded the proxy's own */
  constructor(
    origin: Origin,
    route: Route,
    backend: Backend,
    sessions: SessionCache,
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
    this.#nextAttempt = clock.timer(() => this.#tryNext())
    if (timeout !== null) this.#endAt(clock.now() + timeout)
    clock.microtask(() => this.#start()) // nothing is told inside `dispatch`
  }

  /** Gives up without a word. */
  abort(): void {
    this.#finish()
  }

  // --- the name

  #start(): void {
    if (this.#over) return
    if (this.#route.uds !== null) return this.#attempt(null)
    const isOurs = this.#route.proxy?.scheme === 'socks5' // and not the proxy's, to resolve
    if (!isOurs) return this.#resolvePeer()
    this.#resolve(this.#origin, (addresses) => {
      this.#address = addresses[0]
      this.#resolvePeer()
    })
  }

  #resolvePeer(): void {
    this.#resolve(this.#peer, (addresses) => {
      this.#waiting = alternate(addresses)
      this.#tryNext()
    })
  }

  #resolve(whom: Origin, found: (addresses: readonly Address[]) => void): void {
    const { host, ipVersion } = whom
    if (ipVersion !== null) return found([{ address: host, family: ipVersion }])
    this.#owner.onPhase('dns')
    const answered = (error: Error | null, addresses: readonly Address[]) => {
      if (this.#over) return
      if (error === null && addresses.length > 0) return found(addresses)
      this.#failure = { cause: error ?? new Error(`${host} has no address`), address: null }
      this.#fail(whom)
    }
    const { lookup } = this.#route
    if (lookup === null) this.#backend.lookup(host, answered)
    else lookup(host, answered)
  }

  // --- its addresses

  #tryNext(): void {
    while (!this.#over) {
      const next = this.#waiting.shift()
      if (next === undefined) {
        if (this.#attempts.size === 0) this.#fail(this.#peer)
        return
      }
      if (this.#isAllowed(next)) return this.#attempt(next)
    }
  }

  /** May end the dial: the hook is the caller's code. */
  #isAllowed({ address, family }: Address): boolean {
    const { host, port } = this.#peer
    this.#owner.onPhase('tcp')
    try {
      this.#route.onConnect?.({ address, family, port, host })
      return !this.#over
    } catch (cause) {
      this.#failure ??= { cause, address }
      return false
    }
  }

  #attempt(to: Address | null): void {
    const peer = this.#peer
    const { uds, localAddress } = this.#route
    this.#owner.onPhase('tcp')
    const attempt = new Attempt(this, peer, to?.address ?? uds)
    this.#attempts.add(attempt)
    attempt.socket = this.#backend.connect(
      {
        ...(to === null ? { path: uds as string } : { address: to.address, port: peer.port }),
        localAddress,
        tls: peer.secure ? this.#tlsTarget(peer) : null,
      },
      attempt,
    )
    if (this.#waiting.length > 0) this.#nextAttempt.arm(ATTEMPT_DELAY)
  }

  #tlsTarget(peer: Origin): TlsTarget {
    const { proxy, tls } = this.#route
    return {
      host: peer.host,
      options: proxy !== null && peer === proxy.origin ? proxy.tls : tls,
      session: this.#sessions.get(peer.key),
    }
  }

  /** The first to be connected wins; a slow attempt is never closed for one that is not. */
  connected(winner: Attempt): void {
    this.#waiting = []
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) if (attempt !== winner) this.#drop(attempt)
    if (!winner.peer.secure) return this.established(winner)
    this.#owner.onPhase(this.#route.proxy === null ? 'tls' : 'proxy')
  }

  established(attempt: Attempt): void {
    const { socket, peer } = attempt
    this.#attempts.delete(attempt)
    if (peer === this.#origin) this.#done(socket, null)
    else this.#openTunnel(socket, this.#route.proxy as ProxySettings)
  }

  onSession(peer: Origin, session: Uint8Array): void {
    this.#sessions.set(peer.key, session)
  }

  #drop(attempt: Attempt): void {
    this.#attempts.delete(attempt)
    attempt.dropped = true
    attempt.socket.destroy()
  }

  closed(attempt: Attempt, cause: Error | null): void {
    if (this.#over) return
    this.#attempts.delete(attempt)
    const { address, isConnected, peer } = attempt
    const failure = { cause: cause ?? new Error('the peer closed the connection'), address }
    if (isConnected) this.#failure = failure
    else this.#failure ??= failure
    // Where TLS has failed another address would not help.
    if (isConnected) this.#fail(peer)
    else this.#tryNext()
  }

  // --- through a proxy

  #openTunnel(socket: BackendSocket, proxy: ProxySettings): void {
    this.#owner.onPhase('proxy')
    const origin = this.#origin
    if (!isSocks(proxy.scheme)) {
      this.#tunnel = new ConnectTunnel(socket, proxy, origin, this)
      return
    }
    let handshake: SocksHandshake
    try {
      handshake = new SocksHandshake(this.#socksTarget(), proxy.credentials)
    } catch (cause) {
      socket.destroy()
      const what = `cannot be asked for ${origin.authority}: ${(cause as Error).message}`
      return this.onTunnelFailed({ what, cause })
    }
    this.#tunnel = new SocksTunnel(socket, proxy, origin, handshake, this)
  }

  #socksTarget(): SocksTarget {
    if (this.#address === null) return this.#origin
    const { address: host, family: ipVersion } = this.#address
    return { host, ipVersion, port: this.#origin.port }
  }

  onTunnel(socket: BackendSocket, firstBytes: Buffer | null): void {
    this.#tunnel = null
    if (!this.#origin.secure) return this.#done(socket, firstBytes)
    this.#owner.onPhase('tls')
    const attempt = new Attempt(this, this.#origin, null)
    attempt.isConnected = true
    this.#attempts.add(attempt)
    const tls = this.#tlsTarget(this.#origin)
    attempt.socket = this.#backend.secure(socket, tls, attempt, firstBytes)
  }

  onTunnelFailed(tunnel: TunnelFailure): void {
    this.#finish()
    const proxy = this.#peer
    this.#owner.onDialFailed({ cause: tunnel.cause, address: null, proxy, atProxy: true, tunnel })
  }

  onRefusing(): void {
    this.#endAt(Math.min(this.#deadlineAt, this.#backend.clock.now() + REFUSAL_DELAY))
  }

  // --- the end

  #done(socket: BackendSocket, firstBytes: Buffer | null): void {
    this.#finish()
    this.#owner.onDialed(socket, firstBytes)
  }

  #fail(at: Origin): void {
    const { cause, address } = this.#failure ?? { cause: new Error('no address'), address: null }
    this.#finish()
    const proxy = this.#route.proxy?.origin ?? null
    this.#owner.onDialFailed({ cause, address, proxy, atProxy: at === proxy, tunnel: null })
  }

  #finish(): void {
    this.#over = true
    this.#deadline.cancel()
    this.#nextAttempt.cancel()
    this.#tunnel?.abort()
    for (const attempt of this.#attempts) this.#drop(attempt)
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
      if (this.#over || this.#tunnel?.tellRefusal()) return
      this.#finish()
      this.#owner.onDialTimeout(this.#route.proxy?.origin ?? null)
    })
  }
}
