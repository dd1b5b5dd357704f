import type { Backend } from '../../src/backends/backend.ts'
import { bunApi, denoApi } from '../../src/backends/other-runtimes.ts'
import { selectBackend } from '../../src/backends/select.ts'

/** The backends with real sockets that are available on this runtime. */
export const socketBackends: readonly Backend[] = [
  selectBackend('node'),
  ...(bunApi() ? [selectBackend('bun')] : []),
  ...(denoApi() ? [selectBackend('deno')] : []),
]
