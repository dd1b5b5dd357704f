import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { option } from '../../models/options.ts'
import { BasicAuth } from '../auth/basic.ts'
import type { NetrcCredentials, NetrcEntry } from './grammar.ts'
import { parseByPackage, parseNetrc } from './grammar.ts'

/** A netrc file, as it was when it was read. */
export class Netrc {
  readonly #file: string
  // Under null is `default`.
  readonly #entries = new Map<string | null, NetrcEntry>()
  readonly #auths = new Map<NetrcEntry, BasicAuth | null>()

  private constructor(file: string, text: string) {
    this.#file = file
    for (const entry of parseNetrc(text)) {
      if (!this.#entries.has(entry.host)) this.#entries.set(entry.host, entry)
    }
  }

  /**
   * `$NETRC`, else `~/.netrc`, else `~/_netrc`: the first that exists; null if there is none. One that
   * cannot be used gives null and a warning. Never throws.
   */
  static load(): Netrc | null {
    for (const file of candidates()) {
      try {
        return new Netrc(file, readText(file))
      } catch (error) {
        if (isMissing(error)) continue
        warn(`${file} is not used: ${reason(error)}`)
        return null
      }
    }
    return null
  }

  /** This file. Throws `TypeError` if it is not there, cannot be read, or is no netrc file. */
  static read(file: string): Netrc {
    if (typeof file !== 'string') throw new TypeError(`A netrc file is a path, not ${typeof file}`)
    try {
      return new Netrc(file, readText(file))
    } catch (cause) {
      throw new TypeError(`The netrc file ${file} cannot be used: ${reason(cause)}`, { cause })
    }
  }

  /**
   * For a host name without port, case does not count, IPv6 with or without brackets: its first entry,
   * else `default`; null if there is neither, or nothing in it.
   */
  lookup(hostname: string): NetrcCredentials | null {
    const entry = this.#find(hostname)
    return entry && parseByPackage(entry)
  }

  /** For the host of `url` alone: neither its port nor its userinfo count. */
  authFor(url: URL): BasicAuth | null {
    const entry = this.#find(url.hostname)
    if (entry === null) return null
    let auth = this.#auths.get(entry)
    if (auth === undefined) {
      auth = this.#toBasic(entry)
      this.#auths.set(entry, auth)
    }
    return auth
  }

  #find(hostname: string): NetrcEntry | null {
    const name = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
    const entry = this.#entries.get(name.toLowerCase()) ?? this.#entries.get(null)
    return entry && (entry.login ?? entry.password) !== null ? entry : null
  }

  /** Null, and a warning, for what Basic cannot carry, such as a colon in the login. */
  #toBasic(entry: NetrcEntry): BasicAuth | null {
    try {
      const { login, password } = parseByPackage(entry)
      return new BasicAuth(login, password)
    } catch (error) {
      warn(`${this.#file} is not used for ${entry.host ?? 'default'}: ${reason(error)}`)
      return null
    }
  }

  [inspect.custom](): string {
    return `<Netrc [${this.#file}]>`
  }
}

/** The netrc file of the environment, read when first asked. Costs nothing more if there is none. */
export class EnvironmentNetrc {
  // Undefined until it is read.
  #netrc: Netrc | null | undefined

  authFor(url: URL): BasicAuth | null {
    if (this.#netrc === undefined) this.#netrc = Netrc.load()
    return this.#netrc === null ? null : this.#netrc.authFor(url)
  }
}

function* candidates(): Generator<string> {
  const home = homeFolder()
  const given = option(process.env, 'NETRC', '')
  if (given !== '') yield given.startsWith('~/') && home ? join(home, given.slice(2)) : given
  if (home) yield* [join(home, '.netrc'), join(home, '_netrc')]
}

function homeFolder(): string | null {
  try {
    return homedir()
  } catch {
    // Node throws for a user without one, as containers have them.
    return null
  }
}

function readText(file: string): string {
  const bytes = readFileSync(file)
  // The package's own loader would start gpg.
  if (file.endsWith('.gpg')) throw new Error('it is encrypted')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8')
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Of the system's errors the code alone; ours name no secret. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}

const warned = new Set<string>()

/** Once in a process: short-lived clients read the same file again and again. */
function warn(message: string): void {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, { code: 'HAWSER_NETRC' })
}
