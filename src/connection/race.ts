import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt } from './attempt.ts'

/** How long one address may be alone before the next is tried beside it, in ms. RFC 8305 5 */
const ATTEMPT_DELAY = 250

export interface RaceOwner {
  /** Addresses are tried; TLS is spoken with the one that was first. */
  onRacing(at: 'tcp' | 'tls'): void
  /** Once. */
  onWon(socket: BackendSocket): void
  /** Once, instead. `cause` may be what a hook threw; `address` is the one that failed so. */
  onLost(cause: unknown, address: string | null): void
}

/** One peer's addresses, raced for a connection. RFC 8305 */
export class Race implements AttemptOwner {
  readonly #peer: Origin
  readonly #route: Route
  readonly #backend: Backend
  readonly #tls: TlsTarget | null
  readonly #owner: RaceOwner
  readonly #attempts = new Set<Attempt>()
  readonly #nextAttempt: Timer
  #waiting: Address[] = []
  /** Of the first address that failed, but of TLS if it came that far. */
  #failure: { cause: unknown; address: string | null } | null = null
  #over = false

  /** @param tls null for none */
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

  /** @param addresses at least one; null for the route's unix socket */
  start(addresses: readonly Address[] | null): void {
    if (addresses === null) return this.#attempt(null)
    this.#waiting = alternate(addresses)
    this.#tryNext()
  }

  /** Gives up without a word. */
  abort(): void {
    this.#over = true
    this.#nextAttempt.cancel()
    for (const attempt of this.#attempts) this.#drop(attempt)
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

  /** May end the race: the hook is the caller's code. */
  #isAllowed({ address, family }: Address): boolean {
    const { host, port } = this.#peer
    this.#owner.onRacing('tcp')
    try {
      this.#route.onConnect?.({ address, family, port, host })
      return !this.#over
    } catch (cause) {
      this.#failure ??= { cause, address }
      return false
    }
  }

  #attempt(to: Address | null): void {
    const { uds, localAddress } = this.#route
    this.#owner.onRacing('tcp')
    const attempt = new Attempt(this, this.#peer, to?.address ?? uds)
    this.#attempts.add(attempt)
    attempt.socket = this.#backend.connect(
      {
        ...(to === null ? { path: uds as string } : { address: to.address, port: this.#peer.port }),
        localAddress,
        tls: this.#tls,
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
    if (this.#tls === null) this.established(winner)
    else this.#owner.onRacing('tls')
  }

  established(attempt: Attempt): void {
    this.#over = true
    this.#attempts.delete(attempt)
    this.#owner.onWon(attempt.socket)
  }

  closed(attempt: Attempt, cause: unknown): void {
    if (this.#over) return
    this.#attempts.delete(attempt)
    const { address, isConnected } = attempt
    if (isConnected) this.#failure = { cause, address }
    else this.#failure ??= { cause, address }
    // Where TLS has failed another address would not help.
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
    this.#owner.onLost(cause, address)
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
