import { parsedUrl } from '../../models/url.ts'
import type { DigestSession } from './digest-session.ts'

/** A server may invent realms, and a crawler may meet any number of servers. */
const MAX_ORIGINS = 1000
const MAX_SPACES = 16
const MAX_PREFIXES = 64

const EVERYWHERE = ['']

interface ProtectionSpace {
  readonly session: DigestSession
  /** What path and query of the URLs in it begin with. */
  readonly prefixes: readonly string[]
}

/** Which session serves which URLs, and never those of another origin. RFC 7616 3.3, domain */
export class ProtectionSpaces {
  // Of an origin the newest first.
  readonly #byOrigin = new Map<string, readonly ProtectionSpace[]>()

  /** The session of the most specific space around `url`, the newest of equals; null if there is none. */
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

  /** The sessions at the origin of `url`. */
  sessionsAt(url: URL): readonly DigestSession[] {
    return (this.#byOrigin.get(url.origin) ?? []).map(({ session }) => session)
  }

  /** Puts `session` in the place of the one of its realm. `domain` is relative to `url`. */
  add(url: URL, session: DigestSession, domain: readonly string[]): void {
    const { origin } = url
    const others = (this.#byOrigin.get(origin) ?? []).filter(
      (space) => space.session.realm !== session.realm,
    )
    const space = { session, prefixes: domain.length === 0 ? EVERYWHERE : prefixesOf(url, domain) }
    this.#byOrigin.delete(origin)
    this.#byOrigin.set(origin, [space, ...others].slice(0, MAX_SPACES))
    if (this.#byOrigin.size <= MAX_ORIGINS) return
    const [oldest] = this.#byOrigin.keys()
    this.#byOrigin.delete(oldest)
  }

  remove(url: URL, session: DigestSession): void {
    const left = (this.#byOrigin.get(url.origin) ?? []).filter((space) => space.session !== session)
    if (left.length > 0) this.#byOrigin.set(url.origin, left)
    else this.#byOrigin.delete(url.origin)
  }
}

/** Those of `domain` that are at the origin of `url`. */
function prefixesOf(url: URL, domain: readonly string[]): string[] {
  return domain
    .slice(0, MAX_PREFIXES)
    .flatMap((uri) => parsedUrl(uri, url) ?? [])
    .filter((parsed) => parsed.origin === url.origin)
    .map(pathOf)
}

function pathOf({ pathname, search }: URL): string {
  return `${pathname}${search}`
}
