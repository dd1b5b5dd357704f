import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Of the package, as its package.json says. */
export function version(): string {
  return (require('hawser/package.json') as { version: string }).version
}
