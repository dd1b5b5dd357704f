import type { Exchange } from '../exchange.ts'
import { calls } from './calls.ts'
import { framings } from './framings.ts'
import { proxied } from './proxied.ts'
import { reuse, upgrades } from './reuse.ts'
import { uploads } from './uploads.ts'

/** All exchanges. */
export const corpus: readonly Exchange[] = [
  ...framings,
  ...uploads,
  ...reuse,
  ...upgrades,
  ...proxied,
  ...calls,
]
