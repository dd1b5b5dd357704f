import type { TlsSessionStore } from '../backends/backend.ts'

/** One session more removes the session that was stored longest ago. */
const MAX_SESSIONS = 256

/** The latest TLS session of each peer of a pool, which has the same TLS options for all peers. */
export class TlsSessions {
  readonly #sessions = new Map<string, Uint8Array>()

  /** Returns the store of one peer, for its `TlsTarget`. `peer` is the key of its origin. */
  storeOf(peer: string): TlsSessionStore {
    const sessions = this.#sessions
    return {
      get: () => sessions.get(peer),
      set(session) {
        sessions.delete(peer)
        sessions.set(peer, session)
        for (const oldest of sessions.keys()) {
          if (sessions.size <= MAX_SESSIONS) return
          sessions.delete(oldest)
        }
      },
    }
  }
}

/** The session store of one attempt in a race. Stores no session unless the attempt wins. */
export class AttemptSessions implements TlsSessionStore {
  readonly #store: TlsSessionStore
  #hasWon = false
  /** A session that arrived before the end of the race. */
  #pending: Uint8Array | null = null

  constructor(store: TlsSessionStore) {
    this.#store = store
  }

  get(): Uint8Array | undefined {
    return this.#store.get()
  }

  set(session: Uint8Array): void {
    if (this.#hasWon) this.#store.set(session)
    else this.#pending = session
  }

  /** The attempt has won: stores its sessions. */
  keep(): void {
    this.#hasWon = true
    if (this.#pending !== null) this.#store.set(this.#pending)
    this.#pending = null
  }
}
