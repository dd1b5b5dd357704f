import type { BasicAuth } from '../auth/basic.ts'
import { Netrc } from './netrc.ts'

/** The netrc file of the environment, read when first asked. Costs nothing more if there is none. */
export class EnvironmentNetrc {
  // Undefined until it is read.
  #netrc: Netrc | null | undefined

  authFor(url: URL): BasicAuth | null {
    if (this.#netrc === undefined) this.#netrc = Netrc.load()
    return this.#netrc === null ? null : this.#netrc.authFor(url)
  }
}
