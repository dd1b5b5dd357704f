import { parseUrlOrNull } from '../../models/url.ts'
import type { DigestSession } from './digest-session.ts'

/** Limits on memory: a server may invent realms, and a crawler may visit any number of servers. */
const MAX_ORIGINS = 1000
const MAX_SPACES = 16
const MAX_PREFIXES = 64

const WHOLE_ORIGIN = ['']

/** The URLs for which one session is valid. */
interface ProtectionSpace {
  readonly session: DigestSession
  /** The URLs whose path and query begin with one of these. */
  readonly prefixes: readonly string[]
}

/** Finds the session for a URL, always of the same origin. RFC 7616 3.3, parameter `domain` */
export class ProtectionSpaces {
  // The spaces of each origin, the newest first.
  readonly #byOrigin = new Map<string, readonly ProtectionSpace[]>()

  /**
   * Returns the session of the most specific space that contains `url`; the newest one if several
   * are equally specific. Null if there is none.
   */
  find(url: URL): DigestSession | null {
    const path = pathOf(url)
    let found: DigestSession | null = null
    let longest = -1
    for (const { session, prefixes } of this.#byOrigin.get(url.origin) ?? []) {
      for (const prefix of prefixes) {
        if (prefix.length <= longest || !path.startsWith(prefix)) continue
        found = session
        longest = prefix.length
      }
    }
    return found
  }

  /** Returns the sessions of the origin of `url`. */
  sessionsAt(url: URL): readonly DigestSession[] {
    return (this.#byOrigin.get(url.origin) ?? []).map(({ session }) => session)
  }

  /**
   * Adds a session, which replaces that of the same realm. The URIs in `domain` are resolved
   * against `url`.
   */
  add(url: URL, session: DigestSession, domain: readonly string[]): void {
    const { origin } = url
    const others = (this.#byOrigin.get(origin) ?? []).filter(
      (space) => space.session.realm !== session.realm,
    )
    const prefixes = domain.length === 0 ? WHOLE_ORIGIN : prefixesOf(url, domain)
    this.#byOrigin.delete(origin)
    this.#byOrigin.set(origin, [{ session, prefixes }, ...others].slice(0, MAX_SPACES))
    for (const oldest of this.#byOrigin.keys()) {
      if (this.#byOrigin.size <= MAX_ORIGINS) return
      this.#byOrigin.delete(oldest)
    }
  }

  remove(url: URL, session: DigestSession): void {
    const spaces = this.#byOrigin.get(url.origin) ?? []
    const remaining = spaces.filter((space) => space.session !== session)
    if (remaining.length > 0) this.#byOrigin.set(url.origin, remaining)
    else this.#byOrigin.delete(url.origin)
  }
}

/** The paths of the URIs in `domain` that have the origin of `url`. */
function prefixesOf(url: URL, domain: readonly string[]): string[] {
  return domain
    .slice(0, MAX_PREFIXES)
    .flatMap((uri) => parseUrlOrNull(uri, url) ?? [])
    .filter((parsed) => parsed.origin === url.origin)
    .map(pathOf)
}

function pathOf({ pathname, search }: URL): string {
  return `${pathname}${search}`
}
