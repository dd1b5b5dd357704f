import { option } from '../models/options.ts'
import type { BodyOptions, ContentInit } from './body-options.ts'
import { discardContent } from './content.ts'
import { pairsOf } from './form.ts'
import { toContent } from './to-content.ts'

/**
 * The call was refused: streams and generators in its body options are closed, and one that fails later
 * does not end the process. Never throws.
 */
export function discardGiven(options: BodyOptions): void {
  for (const name of ['content', 'data', 'files'] as const) {
    try {
      const given: unknown = option(options, name, null)
      discardMembers(name, given)
      discard(given)
    } catch {
      // The options are no object, or their reading fails: nothing can be found in them.
    }
  }
}

/** Wherever they stand: files in tuples and lists, and those that were taken for fields. */
function discardMembers(name: string, given: unknown): void {
  if (name === 'content') return
  try {
    for (const [, value] of pairsOf(name, given)) for (const one of [value].flat(2)) discard(one)
  } catch {
    // It has no members, or not all of them are such.
  }
}

function discard(init: unknown): void {
  try {
    discardContent(toContent(init as ContentInit))
  } catch {
    // It is no content, or it is gone already.
  }
}
