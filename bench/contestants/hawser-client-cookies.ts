import type { Open } from './contestant.ts'
import { openWith } from './hawser-client.ts'

/** Hawser's client with five cookies in its jar. */
export const open: Open = openWith(5)
