import type { Address, Backend, BackendSocket, Timer, TlsTarget } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import { isThenable } from '../models/value-kind.ts'
import type { Refusal } from './ask-on-connect.ts'
import { askOnConnect } from './ask-on-connect.ts'
import type { AttemptOwner } from './attempt.ts'
import { Attempt } from './attempt.ts'
import { AttemptSessions } from './tls-sessions.ts'
import { isCertificateError } from './transport-errors.ts'

/** The longest delay between the start of one attempt and the next, in ms. RFC 8305 5 */
const ATTEMPT_DELAY = 250

export interface RaceOwner {
  /** `tls`: at least one attempt is performing its handshake. `tcp`: all are connecting. */
  onRacePhase(phase: 'tcp' | 'tls'): void
  /** Called once, unless `onRaceLost` is. */
  onRaceWon(socket: BackendSocket): void
  /** Called once, unless `onRaceWon` is. `cause` is the error, or what `onConnect` threw. */
  onRaceLost(cause: unknown, address: string | null): void
}

/** A failed attempt, or an address that `onConnect` refused. */
interface Failure {
  readonly cause: unknown
  readonly address: string | null
  /** The failure with the largest one is reported; the first of equal ones. */
  readonly weight: number
}

/**
 * Tries the addresses of a peer in overlapping attempts. The first one that is established wins,
 * with TLS if the peer uses it. An address that accepts connections can still be unusable: its
 * handshake stalls, or its certificate is for another host. RFC 8305
 */
export class Race implements AttemptOwner {
  readonly #peer: Origin
  readonly #route: Route
  readonly #backend: Backend
  readonly #tls: TlsTarget | null
  readonly #owner: RaceOwner
  readonly #attempts = new Set<Attempt>()
  readonly #delay: number
  readonly #nextAttempt: Timer
  #untried: Address[] = []
  /** How many answers of `onConnect` are awaited. */
  #asking = 0
  #failure: Failure | null = null
  #isDone = false

  /**
   * @param tls null for a connection without TLS
   * @param timeout the time until the connect timeout, in ms. The delay is at most a third of it
   */
  constructor(
    peer: Origin,
    route: Route,
    backend: Backend,
    tls: TlsTarget | null,
    timeout: number,
    owner: RaceOwner,
  ) {
    this.#peer = peer
    this.#route = route
    this.#backend = backend
    this.#tls = tls
    this.#owner = owner
    this.#delay = Math.min(ATTEMPT_DELAY, Math.max(1, Math.floor(timeout / 3)))
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
        if (this.#attempts.size === 0 && this.#asking === 0) this.#fail()
        return
      }
      this.#reportPhase()
      const answer = askOnConnect(this.#route, this.#peer, next)
      if (isThenable(answer)) return this.#awaitAnswer(answer, next)
      if (this.#isAllowed(next, answer)) return this.#startAttempt(next)
    }
  }

  #awaitAnswer(answer: Promise<Refusal | null>, address: Address): void {
    this.#asking++
    this.#scheduleNext()
    void answer.then((refusal) => {
      this.#asking--
      if (this.#isAllowed(address, refusal)) this.#startAttempt(address)
      else this.#tryNext()
    })
  }

  /** The hook is code of the caller, and may also have aborted the race. */
  #isAllowed({ address }: Address, refusal: Refusal | null): boolean {
    if (refusal !== null) this.#addFailure({ cause: refusal.cause, address, weight: 0 })
    return refusal === null && !this.#isDone
  }

  #startAttempt(address: Address | null): void {
    const { uds, localAddress } = this.#route
    this.#reportPhase()
    const tls = this.#tls
    const sessions = tls?.sessions ? new AttemptSessions(tls.sessions) : undefined
    const attempt = new Attempt(this, this.#peer, address?.address ?? uds, sessions)
    this.#attempts.add(attempt)
    attempt.socket = this.#backend.connect(
      {
        ...(address === null
          ? { path: uds as string }
          : { address: address.address, port: this.#peer.port }),
        localAddress,
        tls: tls && { ...tls, sessions },
      },
      attempt,
    )
    this.#scheduleNext()
  }

  #scheduleNext(): void {
    if (this.#untried.length > 0) this.#nextAttempt.arm(this.#delay)
  }

  onAttemptConnected(attempt: Attempt): void {
    if (this.#tls === null) this.onAttemptEstablished(attempt)
    else this.#reportPhase()
  }

  /** The first attempt that is established wins. No slow attempt is closed before that. */
  onAttemptEstablished(attempt: Attempt): void {
    this.#attempts.delete(attempt)
    this.abort()
    attempt.sessions?.keep()
    this.#owner.onRaceWon(attempt.socket)
  }

  onAttemptFailed(attempt: Attempt, cause: unknown): void {
    if (this.#isDone) return
    this.#attempts.delete(attempt)
    const { address, isConnected } = attempt
    const weight = !isConnected ? 0 : isCertificateError(cause) ? 2 : 1
    this.#addFailure({ cause, address, weight })
    this.#tryNext()
  }

  #addFailure(failure: Failure): void {
    if (failure.weight > (this.#failure?.weight ?? -1)) this.#failure = failure
  }

  #reportPhase(): void {
    const isSecuring = [...this.#attempts].some(({ isConnected }) => isConnected)
    this.#owner.onRacePhase(isSecuring ? 'tls' : 'tcp')
  }

  #drop(attempt: Attempt): void {
    this.#attempts.delete(attempt)
    attempt.drop()
  }

  #fail(): void {
    const { cause, address, weight } = this.#failure as Failure
    this.abort()
    this.#owner.onRacePhase(weight > 0 ? 'tls' : 'tcp')
    this.#owner.onRaceLost(cause, address)
  }
}

/** Alternates between the address families, and keeps the resolver's order in each. RFC 8305 4 */
function interleaveFamilies(addresses: readonly Address[]): Address[] {
  const first = addresses.at(0)?.family
  const preferred = addresses.filter((a) => a.family === first)
  const other = addresses.filter((a) => a.family !== first)
  const turns = preferred.flatMap((a, i) => [a, ...other.slice(i, i + 1)])
  return [...turns, ...other.slice(preferred.length)]
}
