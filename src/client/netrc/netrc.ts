import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { inspect, TextDecoder } from 'node:util'
import { environmentVariable } from '../../models/environment.ts'
import { withoutPrototype } from '../../models/options.ts'
import { codeOrMessage } from '../../models/value-kind.ts'
import { BasicAuth } from '../auth/basic.ts'
import type { NetrcCredentials, NetrcEntry } from './grammar.ts'
import { credentialsOf, parseNetrc } from './grammar.ts'

/** The entries of a netrc file. Later changes of the file have no effect. */
export class Netrc {
  readonly #file: string
  // The first entry of each host. The key of `default` is null.
  readonly #entries = new Map<string | null, NetrcEntry>()
  readonly #auths = new Map<NetrcEntry, BasicAuth | null>()

  private constructor(file: string, text: string) {
    this.#file = file
    for (const entry of parseNetrc(text)) {
      if (!this.#entries.has(entry.host)) this.#entries.set(entry.host, entry)
    }
  }

  /**
   * Reads the first existing file of `$NETRC`, `~/.netrc` and `~/_netrc`; null if there is none. If
   * the file cannot be used, emits a warning and returns null. Never throws.
   */
  static load(): Netrc | null {
    for (const file of candidateFiles()) {
      try {
        return new Netrc(file, readText(file))
      } catch (error) {
        if (isMissing(error)) continue
        warnOnce(`Cannot use the netrc file ${file}: ${codeOrMessage(error)}`)
        return null
      }
    }
    return null
  }

  /**
   * Reads a file. Throws `TypeError` if it does not exist, cannot be read, or is not a netrc file.
   */
  static read(file: string): Netrc {
    if (typeof file !== 'string')
      throw new TypeError(`The netrc file must be a path, not ${typeof file}`)
    try {
      return new Netrc(file, readText(file))
    } catch (cause) {
      throw new TypeError(`Cannot use the netrc file ${file}: ${codeOrMessage(cause)}`, { cause })
    }
  }

  /**
   * Returns the credentials for a host name without a port: those of its first entry, or else those
   * of `default`. Null if there is no entry, or if it has neither login nor password. Case is
   * ignored, and IPv6 addresses can be given with or without brackets.
   */
  lookup(hostname: string): NetrcCredentials | null {
    const entry = this.#find(hostname)
    return entry && credentialsOf(entry)
  }

  /** Returns the credentials for the host of `url`; its port and userinfo are ignored. */
  authFor(url: URL): BasicAuth | null {
    return this.#authOf(this.#find(url.hostname))
  }

  /** Returns the credentials of the entry for the host of `url`; ignores `default`. */
  authForHost(url: URL): BasicAuth | null {
    const entry = this.#find(url.hostname)
    return this.#authOf(entry !== null && entry.host === null ? null : entry)
  }

  #authOf(entry: NetrcEntry | null): BasicAuth | null {
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

  /**
   * Returns the credentials of an entry. If Basic authentication does not allow them, for example a
   * login with a colon, emits a warning and returns null.
   */
  #toBasic(entry: NetrcEntry): BasicAuth | null {
    try {
      const { login, password } = credentialsOf(entry)
      return new BasicAuth(login, password)
    } catch (error) {
      warnOnce(
        `Cannot use the entry for ${entry.host ?? 'default'} in the netrc file ${this.#file}: ${codeOrMessage(error)}`,
      )
      return null
    }
  }

  [inspect.custom](): string {
    return `<Netrc [${this.#file}]>`
  }
}

/** The netrc file that the environment selects. It is read once, when it is first needed. */
export class EnvironmentNetrc {
  // Undefined until the file was read; null if there is none.
  #netrc: Netrc | null | undefined

  /** Whether there is no such file. */
  get isMissing(): boolean {
    return this.#load() === null
  }

  authFor(url: URL): BasicAuth | null {
    return this.#load()?.authFor(url) ?? null
  }

  authForHost(url: URL): BasicAuth | null {
    return this.#load()?.authForHost(url) ?? null
  }

  #load(): Netrc | null {
    if (this.#netrc === undefined) this.#netrc = Netrc.load()
    return this.#netrc
  }
}

function* candidateFiles(): Generator<string> {
  const home = homeDirectory()
  const given = environmentVariable('NETRC')
  if (given) yield given.startsWith('~/') && home ? join(home, given.slice(2)) : given
  if (home) yield* [join(home, '.netrc'), join(home, '_netrc')]
}

function homeDirectory(): string | null {
  try {
    return homedir()
  } catch {
    // Node throws if the user has no home directory, which is common in containers.
    return null
  }
}

function readText(file: string): string {
  const bytes = readFileSync(file, withoutPrototype({ flag: 'r' }))
  // Refused after reading, so that a missing file is reported as missing. The loader of
  // netrc-parser would start gpg.
  if (file.endsWith('.gpg')) throw new Error('it is encrypted')
  try {
    return new TextDecoder('utf-8', withoutPrototype({ fatal: true })).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8')
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

const warned = new Set<string>()

/** Emits each warning once per process. Every client reads the file, and would repeat it. */
function warnOnce(message: string): void {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, { code: 'HAWSER_NETRC' })
}
