import { option } from '../models/options.ts'
import type { BodyOptions, ContentInit } from './body-options.ts'
import { discardContent } from './content.ts'
import { pairsOf } from './form.ts'
import { toContent } from './to-content.ts'

/**
 * Closes the streams and generators in the body options of a call that failed before it sent a
 * request. A later error of such a stream does not end the process. Never throws.
 */
export function discardBodyOptions(options: BodyOptions): void {
  for (const name of ['content', 'data', 'files'] as const) {
    try {
      const given: unknown = option(options, name, null)
      discardMembers(name, given)
      discard(given)
    } catch {
      // The options are not an object, or a getter throws: there is nothing to close.
    }
  }
}

/** Closes files in tuples and arrays, and files that were given as form fields by mistake. */
function discardMembers(name: string, given: unknown): void {
  if (name === 'content') return
  try {
    for (const [, value] of pairsOf(name, given)) for (const one of [value].flat(2)) discard(one)
  } catch {
    // It is not a form, or some of its members are not pairs.
  }
}

function discard(init: unknown): void {
  try {
    discardContent(toContent(init as ContentInit))
  } catch {
    // It is not content, or it is consumed.
  }
}
