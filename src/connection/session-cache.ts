/** Origins whose TLS session is kept; beyond, the one renewed longest ago is forgotten. */
const MOST = 256

/** The latest TLS session of each origin. It belongs to one pool, and so to one set of TLS settings and one route. */
export class SessionCache {
  readonly #sessions = new Map<string, Uint8Array>()

  get(origin: string): Uint8Array | undefined {
    return this.#sessions.get(origin)
  }

  set(origin: string, session: Uint8Array): void {
    this.#sessions.delete(origin)
    this.#sessions.set(origin, session)
    if (this.#sessions.size > MOST) {
      const [oldest] = this.#sessions.keys()
      this.#sessions.delete(oldest)
    }
  }
}
