import type { Open } from './contestant.ts'
import { openWithCookies } from './hawser-client.ts'

/** Hawser's client with five cookies in its cookie jar. */
export const open: Open = openWithCookies(5)
