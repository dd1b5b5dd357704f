import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * Installs packages into a folder of their own, if they are missing or outdated.
 *
 * @param folder the folder to install into
 * @param manifest the folder with `package.json` and `package-lock.json`
 * @param what what is installed, for messages
 */
export function installSeparately(folder: string, manifest: string, what: string): void {
  const lock = (of: string) => readFileSync(join(of, 'package-lock.json'), 'utf8')
  const complete =
    existsSync(join(folder, 'node_modules/.package-lock.json')) && lock(folder) === lock(manifest)
  if (complete) return
  console.error(`hawser: installing ${what}`)
  mkdirSync(folder, { recursive: true })
  // `npm ci` would need the packages of every platform in the lock file; a registry may lack some.
  copyFileSync(join(manifest, 'package.json'), join(folder, 'package.json'))
  copyFileSync(join(manifest, 'package-lock.json'), join(folder, 'package-lock.json'))
  const { status } = spawnSync(
    'npm install --no-save --ignore-scripts --no-fund --no-audit --loglevel=error',
    { cwd: folder, shell: true, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (status !== 0) throw new Error(`Could not install ${what}: npm exited with status ${status}`)
}
