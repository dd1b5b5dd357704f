import type { Address, Backend, BackendSocket, SocketHandler, Timer } from '../backends/backend.ts'
import type { Phase } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import type { SessionCache } from './session-cache.ts'

/** How long one address may be alone before the next is tried beside it, in ms. RFC 8305 5 */
const ATTEMPT_DELAY = 250

/** Where reads go before there is a connection to ask: a server that speaks first is heard by the connection alone. */
const nowhere = new Uint8Array(1)

export interface DialOwner {
  onPhase(phase: Phase): void
  onDialed(socket: BackendSocket): void
  /** `address` is the one that failed so, null if it came to none. `error` may be what a hook threw. */
  onDialFailed(error: unknown, address: string | null): void
  onDialTimeout(): void
}

/** Establishes one connection: name, addresses raced (RFC 8305), TLS; under one deadline. */
export class Dial {
  readonly #backend: Backend
  readonly #origin: Origin
  readonly #route: Route
  readonly #sessions: SessionCache
  readonly #owner: DialOwner
  readonly #attempts = new Set<Attempt>()
  readonly #deadline: Timer
  readonly #nextAttempt: Timer
  #waiting: Address[] = []
  #deadlineAt = Number.POSITIVE_INFINITY
  /** Of the first address that failed, but of TLS if it came that far. */
  #failure: { error: unknown; address: string | null } | null = null
  #extended = false
  #over = false

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
    this.#backend = backend
    this.#sessions = sessions
    this.#owner = owner
    const { clock } = backend
    this.#deadline = clock.timer(() => this.#onDeadline())
    this.#nextAttempt = clock.timer(() => this.#tryNext())
    if (timeout !== null) {
      this.#deadlineAt = clock.now() + timeout
      this.#deadline.arm(timeout)
    }
    clock.microtask(() => this.#start()) // nothing is told inside `dispatch`
  }

  /** Gives up without a word. */
  abort(): void {
    this.#finish()
  }

  #start(): void {
    if (this.#over) return
    const { uds, lookup } = this.#route
    const { host } = this.#origin
    if (uds !== null) return this.#attempt(null)
    const { ipVersion } = this.#origin
    if (ipVersion !== null) {
      this.#waiting = [{ address: host, family: ipVersion }]
      return this.#tryNext()
    }
    this.#owner.onPhase('dns')
    const answered = (error: Error | null, addresses: readonly Address[]) => {
      if (this.#over) return
      if (error === null && addresses.length > 0) this.#waiting = alternate(addresses)
      else this.#failure = { error: error ?? new Error(`${host} has no address`), address: null }
      this.#tryNext()
    }
    if (lookup === null) this.#backend.lookup(host, answered)
    else lookup(host, answered)
  }

  #tryNext(): void {
    while (!this.#over) {
      const next = this.#waiting.shift()
      if (next === undefined) {
        if (this.#attempts.size === 0) this.#fail()
        return
      }
      if (this.#isAllowed(next)) return this.#attempt(next)
    }
  }

  /** May end the dial: the hook is the caller's code. */
  #isAllowed({ address, family }: Address): boolean {
    const { host, port } = this.#origin
    this.#owner.onPhase('tcp')
    try {
      this.#route.onConnect?.({ address, family, port, host })
      return !this.#over
    } catch (error) {
      this.#failure ??= { error, address }
      return false
    }
  }

  #attempt(to: Address | null): void {
    const { host, port, secure } = this.#origin
    const { uds, localAddress, tls } = this.#route
    this.#owner.onPhase('tcp')
    const attempt = new Attempt(this, secure, to?.address ?? (uds as string))
    this.#attempts.add(attempt)
    attempt.socket = this.#backend.connect(
      {
        ...(to === null ? { path: uds as string } : { address: to.address, port }),
        localAddress,
        tls: secure ? { host, options: tls, session: this.#sessions.get(this.#origin.key) } : null,
      },
      attempt,
    )
    if (this.#waiting.length > 0) this.#nextAttempt.arm(ATTEMPT_DELAY)
  }

  /** The first to be connected wins; a slow attempt is never closed for one that is not. */
  connected(winner: Attempt): void {
    this.#waiting = []
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) if (attempt !== winner) this.#drop(attempt)
    if (winner.secure) this.#owner.onPhase('tls')
    else this.established(winner)
  }

  established(attempt: Attempt): void {
    const { socket } = attempt
    this.#attempts.delete(attempt)
    this.#finish()
    this.#owner.onDialed(socket)
  }

  remember(session: Uint8Array): void {
    this.#sessions.set(this.#origin.key, session)
  }

  #drop(attempt: Attempt): void {
    this.#attempts.delete(attempt)
    attempt.dropped = true
    attempt.socket.destroy()
  }

  closed(attempt: Attempt, cause: Error | null): void {
    this.#attempts.delete(attempt)
    const { address, isConnected } = attempt
    const failure = { error: cause ?? new Error('the peer closed the connection'), address }
    if (isConnected) this.#failure = failure
    else this.#failure ??= failure
    // Where TLS has failed another address would not help.
    if (isConnected) this.#fail()
    else this.#tryNext()
  }

  #fail(): void {
    const { error, address } = this.#failure ?? { error: new Error('no address'), address: null }
    this.#finish()
    this.#owner.onDialFailed(error, address)
  }

  #finish(): void {
    this.#over = true
    this.#deadline.cancel()
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) this.#drop(attempt)
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
      this.#finish()
      this.#owner.onDialTimeout()
    })
  }
}

/** Families in turn, in the resolver's order of each. RFC 8305 4 */
function alternate(addresses: readonly Address[]): Address[] {
  const first = addresses[0].family
  const preferred = addresses.filter((a) => a.family === first)
  const other = addresses.filter((a) => a.family !== first)
  const turns = preferred.flatMap((a, i) => (i < other.length ? [a, other[i]] : [a]))
  return [...turns, ...other.slice(preferred.length)]
}

/** One address being tried. */
class Attempt implements SocketHandler {
  socket!: BackendSocket
  readonly secure: boolean
  readonly address: string
  isConnected = false
  dropped = false
  readonly #dial: Dial

  constructor(dial: Dial, secure: boolean, address: string) {
    this.#dial = dial
    this.secure = secure
    this.address = address
  }

  onConnect(): void {
    if (this.dropped) return
    this.isConnected = true
    this.#dial.connected(this)
  }

  onSecure(): void {
    if (!this.dropped) this.#dial.established(this)
  }

  onClose(error: Error | null): void {
    if (!this.dropped) this.#dial.closed(this, error)
  }

  onSession(session: Uint8Array): void {
    this.#dial.remember(session)
  }

  onEnd(): void {
    this.socket.destroy()
  }

  readTarget(): Uint8Array {
    return nowhere
  }

  onRead(): void {}
  onDrain(): void {}
  onWriteError(): void {}
}
