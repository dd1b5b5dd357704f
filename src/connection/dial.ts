import { normalAddress, normalAddresses } from '../backends/address.ts'
import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Phase } from '../errors.ts'
import { option } from '../models/options.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { isSocks } from '../models/proxy.ts'
import type { Route } from '../models/route.ts'
import { settingsForConnection } from '../models/tls-settings.ts'
import { isThenable } from '../models/value-kind.ts'
import { SocksHandshake } from '../protocol/socks.ts'
import type { Refusal } from './ask-on-connect.ts'
import { askOnConnect } from './ask-on-connect.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt } from './attempt.ts'
import { ConnectTunnel } from './connect-tunnel.ts'
import type { RaceOwner } from './race.ts'
import { Race } from './race.ts'
import { SocksTunnel } from './socks-tunnel.ts'
import type { TlsSessions } from './tls-sessions.ts'
import type { DialFailure, TunnelFailure } from './transport-errors.ts'
import type { Tunnel, TunnelOwner } from './tunnel.ts'

/** Why an address of the origin was refused. */
interface AddressFailure extends Refusal {
  readonly address: string
}

/** How long to wait for the body of a proxy's refusal, which explains it, in ms. */
const REFUSAL_DELAY = 250

/** Unless the dial is aborted, exactly one of the last three methods is called, once. */
export interface DialOwner {
  onPhase(phase: Phase): void
  onDialed(socket: BackendSocket): void
  onDialFailed(failure: DialFailure): void
  /** `proxy` is the proxy of the route, or null. */
  onDialTimeout(proxy: Origin | null): void
}

/**
 * Establishes one connection: resolves the name, and races the addresses up to the TLS handshake.
 * With a proxy it does so with the proxy, then opens a tunnel, and performs the TLS handshake with
 * the origin inside it. One deadline covers all steps.
 */
export class Dial implements RaceOwner, TunnelOwner, AttemptOwner {
  readonly #backend: Backend
  readonly #origin: Origin
  readonly #route: Route
  readonly #sessions: TlsSessions
  readonly #owner: DialOwner
  /** What the socket is connected to: the proxy if there is one, otherwise the origin. */
  readonly #peer: Origin
  readonly #deadline: Timer
  #deadlineAt = Number.POSITIVE_INFINITY
  #extended = false
  #isDone = false
  /** The current step; null while a name is resolved. */
  #step: Race | Tunnel | Attempt | null = null
  /** The origin's address if it is resolved here and not by the proxy (socks5). */
  #originAddress: Address | null = null
  /** Whether a certificate was not verified because of NODE_TLS_REJECT_UNAUTHORIZED. */
  isVerificationDisabled = false

  /**
   * @param origin the origin; the proxy itself if it forwards the requests
   * @param timeout in ms, for all steps together; null for none
   */
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
    if (timeout !== null) this.#setDeadline(clock.now() + timeout)
    clock.microtask(() => this.#start()) // the owner must not be called inside `dispatch`
  }

  /** Stops. The owner is not called any more. */
  abort(): void {
    this.#isDone = true
    this.#deadline.cancel()
    const step = this.#step
    this.#step = null
    if (step instanceof Attempt) step.drop()
    else step?.abort()
  }

  // --- name resolution

  #start(): void {
    if (this.#isDone) return
    const { uds, proxy } = this.#route
    if (uds !== null) return this.#startRace(null)
    if (proxy?.scheme !== 'socks5') return this.#resolvePeer()
    this.#resolve(this.#origin, (addresses) => this.#chooseOriginAddress(addresses))
  }

  /**
   * Takes the first address that `onConnect` accepts, and continues with the proxy.
   *
   * @param failure why the first address was refused; null as long as none was
   */
  #chooseOriginAddress(addresses: readonly Address[], failure: AddressFailure | null = null): void {
    let first = failure
    for (const [index, address] of addresses.entries()) {
      const refused = (refusal: Refusal): AddressFailure =>
        first ?? { cause: refusal.cause, address: address.address }
      const answer = askOnConnect(this.#route, this.#origin, address)
      if (isThenable(answer)) {
        void answer.then((refusal) => {
          if (this.#isDone) return
          if (refusal === null) this.#useOriginAddress(address)
          else this.#chooseOriginAddress(addresses.slice(index + 1), refused(refusal))
        })
        return
      }
      if (answer === null) return this.#useOriginAddress(address)
      first = refused(answer)
      if (this.#isDone) return
    }
    if (first !== null && !this.#isDone) this.#fail(this.#origin, first.cause, first.address)
  }

  /** The hook is code of the caller, and may also have aborted the dial. */
  #useOriginAddress(address: Address): void {
    if (this.#isDone) return
    this.#originAddress = address
    this.#resolvePeer()
  }

  #resolvePeer(): void {
    this.#resolve(this.#peer, (addresses) => this.#startRace(addresses))
  }

  #resolve(target: Origin, found: (addresses: readonly Address[]) => void): void {
    const { host, ipVersion } = target
    if (ipVersion !== null) {
      return found([normalAddress(host) ?? { address: host, family: ipVersion }])
    }
    this.#owner.onPhase('dns')
    const onAnswer = (error: Error | null, addresses: readonly { address: unknown }[]) => {
      if (this.#isDone) return
      if (error !== null) return this.#fail(target, error, null)
      const normal = normalAddresses(host, addresses)
      if (normal instanceof Error) this.#fail(target, normal, null)
      else found(normal)
    }
    const { lookup } = this.#route
    if (lookup === null) this.#backend.lookup(host, onAnswer)
    else lookup(host, onAnswer)
  }

  // --- the connection to the peer

  #startRace(addresses: readonly Address[] | null): void {
    const peer = this.#peer
    const tls = peer.secure ? this.#tlsTarget(peer) : null
    const timeLeft = this.#deadlineAt - this.#backend.clock.now()
    const race = new Race(peer, this.#route, this.#backend, tls, timeLeft, this)
    this.#step = race
    race.start(addresses)
  }

  #tlsTarget(peer: Origin): TlsTarget {
    const { proxy, tls } = this.#route
    const settings = proxy !== null && peer === proxy.origin ? proxy.tls : tls
    const options = settingsForConnection(settings)
    if (options !== settings) this.isVerificationDisabled = true
    return {
      host: peer.host,
      options,
      sessions: this.#sessions.storeOf(peer.key),
    }
  }

  onRacePhase(phase: 'tcp' | 'tls'): void {
    this.#owner.onPhase(phase === 'tls' && this.#route.proxy !== null ? 'proxy' : phase)
  }

  onRaceWon(socket: BackendSocket): void {
    if (this.#peer === this.#origin) this.#succeed(socket)
    else this.#openTunnel(socket, this.#route.proxy as ProxySettings)
  }

  onRaceLost(cause: unknown, address: string | null): void {
    this.#fail(this.#peer, cause, address)
  }

  // --- the tunnel through a proxy

  #openTunnel(socket: BackendSocket, proxy: ProxySettings): void {
    this.#owner.onPhase('proxy')
    const origin = this.#origin
    if (!isSocks(proxy.scheme)) {
      this.#step = new ConnectTunnel(socket, proxy, origin, this)
      return
    }
    const { host, ipVersion, port } = origin
    const { address, family } = this.#originAddress ?? { address: host, family: ipVersion }
    try {
      const target = { host: address, ipVersion: family, port }
      const handshake = new SocksHandshake(target, proxy.credentials)
      this.#step = new SocksTunnel(socket, proxy, origin, handshake, this)
    } catch (cause) {
      socket.destroy()
      const description = `cannot connect to ${origin.authority}: ${(cause as Error).message}`
      this.onTunnelFailed({ description, cause })
    }
  }

  onTunnel(socket: BackendSocket, firstBytes: Buffer | null): void {
    const origin = this.#origin
    if (!origin.secure) return this.#onPlainTunnel(socket, firstBytes)
    this.#owner.onPhase('tls')
    const attempt = new Attempt(this, origin, null)
    this.#step = attempt
    attempt.socket = this.#backend.secure(socket, this.#tlsTarget(origin), attempt, firstBytes)
  }

  /** Without TLS, bytes that precede the request would be taken for the response to it. */
  #onPlainTunnel(socket: BackendSocket, firstBytes: Buffer | null): void {
    if (firstBytes === null) return this.#succeed(socket)
    socket.destroy()
    const description = `sent data for ${this.#origin.authority} before the request was sent`
    this.onTunnelFailed({ description })
  }

  onTunnelFailed(tunnel: TunnelFailure): void {
    this.abort()
    const where = { address: null, proxy: this.#peer, failedAtProxy: true }
    this.#owner.onDialFailed({ ...where, cause: option(tunnel, 'cause', undefined), tunnel })
  }

  onRefusal(): void {
    this.#setDeadline(Math.min(this.#deadlineAt, this.#backend.clock.now() + REFUSAL_DELAY))
  }

  // --- TLS through the tunnel

  onAttemptConnected(): void {}

  onAttemptEstablished({ socket }: Attempt): void {
    this.#succeed(socket)
  }

  onAttemptFailed({ peer }: Attempt, cause: Error): void {
    this.#fail(peer, cause, null)
  }

  // --- the result

  #succeed(socket: BackendSocket): void {
    this.#step = null // `abort` must not close the socket, which belongs to the owner now
    this.abort()
    this.#owner.onDialed(socket)
  }

  #fail(at: Origin, cause: unknown, address: string | null): void {
    this.abort()
    const proxy = this.#route.proxy?.origin ?? null
    this.#owner.onDialFailed({ cause, address, proxy, failedAtProxy: at === proxy, tunnel: null })
  }

  #setDeadline(time: number): void {
    this.#deadlineAt = time
    this.#deadline.arm(Math.max(0, time - this.#backend.clock.now()))
  }

  /**
   * A late timer means that the event loop was blocked. Connecting needs several turns of the loop,
   * so it gets the lost time once more, but only once.
   */
  #onDeadline(): void {
    const { clock } = this.#backend
    const late = clock.now() - this.#deadlineAt
    if (late < 0) return this.#deadline.arm(-late)
    if (late > 1 && !this.#extended) {
      this.#extended = true
      return this.#setDeadline(clock.now() + late)
    }
    clock.afterPending(() => {
      if (this.#isDone) return
      if (this.#step instanceof ConnectTunnel && this.#step.reportRefusal()) return
      this.abort()
      this.#owner.onDialTimeout(this.#route.proxy?.origin ?? null)
    })
  }
}
