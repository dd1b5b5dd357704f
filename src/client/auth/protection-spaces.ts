import { ownCopy } from '../../models/own-copy.ts'
import { parseUrlOrNull } from '../../models/url.ts'
import type { DigestSession } from './digest-session.ts'

// Limits on memory: a server may invent realms, and a crawler may visit any number of servers.
/** Maximum number of sessions of all origins, and of one origin. */
const MAX_SESSIONS = 1000
const MAX_SPACES = 16
/** Maximum length of all prefixes of a session together. */
const MAX_PREFIX_LENGTH = 4096

const WHOLE_ORIGIN = ['']

/** The URLs for which one session is valid. */
interface ProtectionSpace {
  readonly session: DigestSession
  /** The URLs whose path and query begin with one of these. */
  readonly prefixes: readonly string[]
}

/** Finds the session for a URL, always of the same origin. RFC 7616 3.3, parameter `domain` */
export class ProtectionSpaces {
  // The spaces of each origin, the newest first. The origin that was used least recently is
  // first.
  readonly #byOrigin = new Map<string, readonly ProtectionSpace[]>()
  #size = 0

  /**
   * Returns the session of the most specific space that contains `url`; the newest one if several
   * are equally specific. Null if there is none.
   */
  find(url: URL): DigestSession | null {
    const { origin } = url
    const spaces = this.#byOrigin.get(origin)
    if (spaces === undefined) return null
    this.#byOrigin.delete(origin)
    this.#byOrigin.set(origin, spaces)
    const path = pathOf(url)
    let found: DigestSession | null = null
    let longest = -1
    for (const { session, prefixes } of spaces) {
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
    this.#set(origin, [{ session, prefixes }, ...others].slice(0, MAX_SPACES))
    for (const oldest of this.#byOrigin.keys()) {
      if (this.#size <= MAX_SESSIONS) return
      this.#set(oldest, [])
    }
  }

  #set(origin: string, spaces: readonly ProtectionSpace[]): void {
    this.#size += spaces.length - (this.#byOrigin.get(origin)?.length ?? 0)
    this.#byOrigin.delete(origin)
    if (spaces.length > 0) this.#byOrigin.set(origin, spaces)
  }

  remove(url: URL, session: DigestSession): void {
    const spaces = this.#byOrigin.get(url.origin) ?? []
    this.#set(
      url.origin,
      spaces.filter((space) => space.session !== session),
    )
  }
}

/** The paths of the URIs in `domain` that have the origin of `url`, up to the limit. */
function prefixesOf(url: URL, domain: readonly string[]): string[] {
  const prefixes: string[] = []
  let length = 0
  for (const uri of domain) {
    const parsed = parseUrlOrNull(uri, url)
    if (parsed?.origin !== url.origin) continue
    const prefix = ownCopy(pathOf(parsed))
    length += prefix.length
    if (length > MAX_PREFIX_LENGTH) break
    prefixes.push(prefix)
  }
  return prefixes
}

function pathOf({ pathname, search }: URL): string {
  return `${pathname}${search}`
}
