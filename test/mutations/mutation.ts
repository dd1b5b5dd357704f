import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audit } from './audit.ts'
import { auth } from './auth.ts'
import { completion } from './completion.ts'
import { decoding } from './decoding.ts'
import { disclosure } from './disclosure.ts'
import { dropIn } from './drop-in.ts'
import { embedding } from './embedding.ts'
import { framing } from './framing.ts'
import { injection } from './injection.ts'
import { pool } from './pool.ts'
import { proxies } from './proxies.ts'
import { records } from './records.ts'
import { redirects } from './redirects.ts'
import { requests } from './requests.ts'
import { resources } from './resources.ts'
import { responses } from './responses.ts'
import { reuse } from './reuse.ts'
import { secrets } from './secrets.ts'
import { semantics } from './semantics.ts'
import { unread } from './unread.ts'

/** A mistake that could be made in the sources, and the tests that must detect it. */
export interface Mutation {
  /** Conformance rows and hazards: a test with one of these numbers in its title must fail. */
  readonly marks: string
  /** Describes the behaviour with the mistake. */
  readonly mistake: string
  readonly file: string
  /** The text to replace. It must occur exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Paths of test files below test/, without `.test.ts`. */
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
  ...completion,
  ...decoding,
  ...records,
  ...reuse,
  ...unread,
  ...disclosure,
  ...semantics,
  ...dropIn,
  ...audit,
  ...embedding,
]

/** The root of the checkout. The compiled tests are in dist/test/mutations/. */
export const top: string = fileURLToPath(new URL('../../../', import.meta.url))

/** Returns the text of the file with the mistake in it, or why the mistake cannot be made. */
export function mutated(
  { file, find, replace }: Mutation,
  checkout = top,
): { text: string } | { why: string } {
  const pieces = readFileSync(join(checkout, file), 'utf8').split(find)
  if (pieces.length === 2) return { text: pieces.join(replace) }
  return { why: `${file} contains this text ${pieces.length - 1} times, not once: ${find}` }
}
