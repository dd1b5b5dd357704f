import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt } from './attempt.ts'

/** The delay between the start of one attempt and the next, in ms. RFC 8305 5 */
const ATTEMPT_DELAY = 250

export interface RaceOwner {
  /** `tcp`: the race is connecting to addresses. `tls`: the winner performs its handshake. */
  onRacePhase(phase: 'tcp' | 'tls'): void
  /** Called once, unless `onRaceLost` is. */
  onRaceWon(socket: BackendSocket): void
  /** Called once, unless `onRaceWon` is. `cause` is the error, or what `onConnect` threw. */
  onRaceLost(cause: unknown, address: string | null): void
}

/** Tries the addresses of a peer in overlapping attempts. The first to connect wins. RFC 8305 */
export class Race implements AttemptOwner {
  readonly #peer: Origin
  readonly #route: Route
  readonly #backend: Backend
  readonly #tls: TlsTarget | null
  readonly #owner: RaceOwner
  readonly #attempts = new Set<Attempt>()
  readonly #nextAttempt: Timer
  #untried: Address[] = []
  /** The failure to report: the first one, or the failed TLS handshake if there was one. */
  #failure: { cause: unknown; address: string | null } | null = null
  #isDone = false

  /** @param tls null for a connection without TLS */
  constructor(
    peer: Origin,
    route: Route,
    backend: Backend,
    tls: TlsTarget | null,
    owner: RaceOwner,
  ) {
    this.#peer = peer
    this.#route = route
    this.#backend = backend
    this.#tls = tls
    this.#owner = owner
    this.#nextAttempt = backend.clock.timer(() => this.#tryNext())
  }

  /** @param addresses at least one address, or null for the route's Unix socket */
  start(addresses: readonly Address[] | null): void {
    if (addresses === null) return this.#startAttempt(null)
    this.#untried = interleaveFamilies(addresses)
    this.#tryNext()
  }

  /** Closes all attempts. The owner is not called any more. */
  abort(): void {
    this.#isDone = true
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) this.#drop(attempt)
  }

  #tryNext(): void {
    while (!this.#isDone) {
      const next = this.#untried.shift()
      if (next === undefined) {
        if (this.#attempts.size === 0) this.#fail()
        return
      }
      if (this.#isAllowed(next)) return this.#startAttempt(next)
    }
  }

  /** Asks the `onConnect` hook. The hook is code of the caller, and may abort the race. */
  #isAllowed({ address, family }: Address): boolean {
    const { host, port } = this.#peer
    this.#owner.onRacePhase('tcp')
    try {
      this.#route.onConnect?.({ address, family, port, host })
      return !this.#isDone
    } catch (cause) {
      this.#failure ??= { cause, address }
      return false
    }
  }

  #startAttempt(address: Address | null): void {
    const { uds, localAddress } = this.#route
    this.#owner.onRacePhase('tcp')
    const attempt = new Attempt(this, this.#peer, address?.address ?? uds)
    this.#attempts.add(attempt)
    attempt.socket = this.#backend.connect(
      {
        ...(address === null
          ? { path: uds as string }
          : { address: address.address, port: this.#peer.port }),
        localAddress,
        tls: this.#tls,
      },
      attempt,
    )
    if (this.#untried.length > 0) this.#nextAttempt.arm(ATTEMPT_DELAY)
  }

  /** The first attempt that connects wins. No slow attempt is closed before that. */
  onAttemptConnected(winner: Attempt): void {
    this.#untried = []
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) if (attempt !== winner) this.#drop(attempt)
    if (this.#tls === null) this.onAttemptEstablished(winner)
    else this.#owner.onRacePhase('tls')
  }

  onAttemptEstablished(attempt: Attempt): void {
    this.#isDone = true
    this.#attempts.delete(attempt)
    this.#owner.onRaceWon(attempt.socket)
  }

  onAttemptFailed(attempt: Attempt, cause: unknown): void {
    if (this.#isDone) return
    this.#attempts.delete(attempt)
    const { address, isConnected } = attempt
    if (isConnected) this.#failure = { cause, address }
    else this.#failure ??= { cause, address }
    // A failed TLS handshake ends the race: it would fail with the other addresses, too.
    if (isConnected) this.#fail()
    else this.#tryNext()
  }

  #drop(attempt: Attempt): void {
    this.#attempts.delete(attempt)
    attempt.drop()
  }

  #fail(): void {
    const { cause, address } = this.#failure as { cause: unknown; address: string | null }
    this.abort()
    this.#owner.onRaceLost(cause, address)
  }
}

/** Alternates between the address families, and keeps the resolver's order in each. RFC 8305 4 */
function interleaveFamilies(addresses: readonly Address[]): Address[] {
  const first = addresses[0]?.family
  const preferred = addresses.filter((a) => a.family === first)
  const other = addresses.filter((a) => a.family !== first)
  const turns = preferred.flatMap((a, i) => [a, ...other.slice(i, i + 1)])
  return [...turns, ...other.slice(preferred.length)]
}
