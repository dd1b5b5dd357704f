import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/separate-packages.ts'
import { libraries } from './catalogue.ts'
import type { Feature, Library } from './library.ts'
import { FEATURES } from './library.ts'

const LOCK = join(ROOT, 'test/modern/packages/package-lock.json')

/** Returns the version that the lock file has of a package. */
function lockedVersion(name: string): string {
  const { packages } = JSON.parse(readFileSync(LOCK, 'utf8'))
  const version: unknown = packages[`node_modules/${name}`]?.version
  if (typeof version !== 'string') throw new Error(`${name} is not in ${LOCK}`)
  return version
}

/**
 * Returns the table of docs/fetch.md, as Markdown.
 *
 * @param cell returns the text for a feature that a library has
 */
export function libraryTable(
  cell: (library: Library, feature: Feature) => string = () => 'yes',
): string {
  const rows = libraries.map((library) => {
    const { name, usage, features } = library
    const cells = FEATURES.map((each) => (features[each] === undefined ? '' : cell(library, each)))
    const shown = usage === 'global' ? 'the global `fetch`' : `\`${usage}\``
    return [`\`${name}\``, lockedVersion(name), shown, ...cells]
  })
  const head = ['library', 'version', 'usage', ...FEATURES]
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `|${cells.map(padded).join('|')}|\n`).join('')
}

function padded(cell: string): string {
  return cell === '' ? ' ' : ` ${cell} `
}
