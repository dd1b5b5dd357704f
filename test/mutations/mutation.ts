import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { auth } from './auth.ts'
import { framing } from './framing.ts'
import { injection } from './injection.ts'
import { pool } from './pool.ts'
import { proxies } from './proxies.ts'
import { redirects } from './redirects.ts'
import { requests } from './requests.ts'
import { resources } from './resources.ts'
import { responses } from './responses.ts'
import { secrets } from './secrets.ts'

/** A mistake that could be made in the sources, and the tests that must not let it pass. */
export interface Mutation {
  /** The lines of conformance and the hazards that it offends: a test that carries one of them has to fail. */
  readonly marks: string
  /** In words. */
  readonly mistake: string
  readonly file: string
  /** Stands in the file once. */
  readonly find: string
  readonly replace: string
  /** Files in test/, without `.test.ts`. */
  readonly tests: readonly string[]
}

export const mutations: readonly Mutation[] = [
  ...pool,
  ...proxies,
  ...requests,
  ...injection,
  ...framing,
  ...responses,
  ...redirects,
  ...secrets,
  ...auth,
  ...resources,
]

/** The top of the checkout: compiled tests are in dist/test/mutations/. */
export const top: string = fileURLToPath(new URL('../../../', import.meta.url))

/** The file of that checkout with the mistake in it; or why there is none. */
export function mutated(
  { file, find, replace }: Mutation,
  checkout = top,
): { text: string } | { why: string } {
  const pieces = readFileSync(join(checkout, file), 'utf8').split(find)
  if (pieces.length === 2) return { text: pieces.join(replace) }
  return { why: `${file} has ${pieces.length === 1 ? 'no' : pieces.length - 1} times: ${find}` }
}
