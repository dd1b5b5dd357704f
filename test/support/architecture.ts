// Which folder of src/ may import which: docs/architecture.md explains it. Run as a program, this file
// checks the sources, and exits with 1 if an import is not permitted or a permission is not used.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Each folder or file of src/, and what it may import in addition to itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'index.ts': ['client', 'dispatch', 'content', 'backends', 'models', 'errors.ts'],
  'engine.ts': ['pool', 'connection', 'protocol', 'backends', 'models', 'errors.ts'],
  command: ['client', 'content', 'backends', 'models', 'errors.ts'],
  fetch: ['client', 'dispatch', 'pool', 'content', 'backends', 'models', 'errors.ts'],
  client: ['dispatch', 'pool', 'content', 'protocol', 'backends', 'models', 'errors.ts'],
  dispatch: ['pool', 'connection', 'content', 'protocol', 'backends', 'models', 'errors.ts'],
  pool: ['connection', 'protocol', 'backends', 'models', 'errors.ts'],
  connection: ['protocol', 'backends', 'models', 'errors.ts'],
  content: ['models', 'errors.ts'],
  protocol: ['models', 'errors.ts'],
  backends: ['models'],
  models: ['errors.ts'],
  'errors.ts': [],
}

/** Time, queues and the network: only backends/ may import them (types are free for all). */
const RUNTIME = /^(node:)?(net|tls|dgram|dns|timers|perf_hooks|process)(\/|$)/

interface Import {
  readonly from: string
  readonly to: string
  readonly type: boolean
}

/** What is wrong with these sources: a path in src/ (with slashes) -> its text. */
export function importErrors(sources: ReadonlyMap<string, string>): string[] {
  const errors: string[] = []
  const graph = new Map<string, string[]>()
  for (const [path, text] of sources) {
    const own = layerOf(path)
    const allowed = MAY_IMPORT[own]
    if (!allowed) {
      errors.push(`${path}: "${own}" has no place in the table of test/support/architecture.ts`)
      continue
    }
    const next: string[] = []
    graph.set(path, next)
    for (const { to, type } of importsOf(path, text)) {
      if (!to.startsWith('.')) {
        if (RUNTIME.test(to) && own !== 'backends' && !type) {
          errors.push(`${path}: only backends/ may import ${to} (types are free)`)
        }
        continue
      }
      const target = posix.join(posix.dirname(path), to)
      const layer = layerOf(target)
      if (target.startsWith('../')) errors.push(`${path}: ${to} is outside src/`)
      else if (layer !== own && !allowed.includes(layer)) {
        errors.push(`${path}: ${own} may not import ${layer} (${to})`)
      } else next.push(target)
    }
  }
  for (const circle of circles(graph)) errors.push(`a circle: ${circle.join(' -> ')}`)
  return errors
}

/** The entries of the table that no source uses. `sources` are all files of src/. */
export function unusedPermissions(sources: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>()
  for (const [path, text] of sources) {
    for (const { to } of importsOf(path, text)) {
      if (!to.startsWith('.')) continue
      used.add(`${layerOf(path)} ${layerOf(posix.join(posix.dirname(path), to))}`)
    }
  }
  return Object.entries(MAY_IMPORT).flatMap(([from, targets]) =>
    targets
      .filter((to) => !used.has(`${from} ${to}`))
      .map((to) => `${from} may import ${to}, and no file does: remove it from the table`),
  )
}

function layerOf(path: string): string {
  return path.split('/', 1)[0]!
}

function importsOf(from: string, text: string): Import[] {
  const found: Import[] = []
  const statement = /^(?:import|export)\s(\s*type\s)?(?:[^'"`;=()]*?\sfrom\s+)?['"]([^'"]+)['"]/gm
  for (const [, type, to] of text.matchAll(statement)) {
    found.push({ from, to: to!, type: type !== undefined })
  }
  for (const [, to] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)) {
    found.push({ from, to: to!, type: false })
  }
  return found
}

/** One circle for each way back that a walk in depth meets. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.push([...path.slice(start), file])
    if (start >= 0 || done.has(file)) return
    path.push(file)
    for (const next of graph.get(file) ?? []) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return found
}

function readSources(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(
    names
      .filter((name) => /(?<!\.generated|\.d)\.ts$/.test(name))
      .map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const top = join(dirname(fileURLToPath(import.meta.url)), '../../..')
  const sources = readSources(join(top, 'src'))
  const errors = [...importErrors(sources), ...unusedPermissions(sources)]
  for (const error of errors) console.error(error)
  if (errors.length > 0) process.exit(1)
}
