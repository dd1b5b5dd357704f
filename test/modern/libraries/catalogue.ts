import type { Library } from './library.ts'
import { protocols } from './protocols.ts'
import { sdks } from './sdks.ts'
import { wrappers } from './wrappers.ts'

/** The libraries in the order of the table. */
export const libraries: readonly Library[] = [...wrappers, ...sdks, ...protocols]
