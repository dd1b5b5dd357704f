import type { TlsSessionStore } from '../backends/backend.ts'

/** How many sessions are kept; one more drops the session that was renewed longest ago. */
const MAX_SESSIONS = 256

/** The latest TLS session of each peer. Each pool has one, so all have the same TLS settings and route. */
export class TlsSessions {
  readonly #sessions = new Map<string, Uint8Array>()

  /** The store of one peer, for its `TlsTarget`. `peer` is the key of its origin. */
  storeOf(peer: string): TlsSessionStore {
    const sessions = this.#sessions
    return {
      get: () => sessions.get(peer),
      set(session) {
        sessions.delete(peer)
        sessions.set(peer, session)
        if (sessions.size <= MAX_SESSIONS) return
        const [oldest] = sessions.keys()
        sessions.delete(oldest)
      },
    }
  }
}
