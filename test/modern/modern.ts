// Packages for development that need a newer Node.js than Hawser does. They are not in the
// package.json of the project, because `npm ci` must succeed on every supported version.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { installSeparately, ROOT } from '../support/separate-packages.ts'

const HOME = join(ROOT, '.modern')

/** Installs the packages if they are missing or outdated. */
export function installModern(): void {
  installSeparately(HOME, join(ROOT, 'test/modern/packages'), 'packages that need Node.js 22')
}

/** Loads one of the installed packages. Needs Node.js 22 or newer. */
export function requireModern(name: string): unknown {
  return createRequire(join(HOME, 'package.json'))(name)
}
