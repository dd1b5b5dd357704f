// The permitted imports between the folders of src/, which docs/architecture.md explains, and the
// only place that reads the environment. As a program, this file checks the sources, and exits with
// 1 if an import or a read is not permitted, or a permission is not used.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Maps each folder or file of src/ to those that it may import, in addition to itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'index.ts': ['client', 'dispatch', 'pool', 'content', 'backends', 'models', 'errors.ts'],
  'engine.ts': ['pool', 'protocol', 'backends', 'models', 'errors.ts'],
  command: ['client', 'content', 'backends', 'models', 'errors.ts', 'redaction.ts'],
  fetch: [
    'client',
    'dispatch',
    'pool',
    'content',
    'backends',
    'models',
    'errors.ts',
    'redaction.ts',
  ],
  client: [
    'dispatch',
    'pool',
    'content',
    'protocol',
    'backends',
    'models',
    'errors.ts',
    'redaction.ts',
  ],
  dispatch: [
    'pool',
    'connection',
    'content',
    'protocol',
    'backends',
    'models',
    'errors.ts',
    'redaction.ts',
  ],
  pool: ['connection', 'protocol', 'backends', 'models', 'errors.ts', 'redaction.ts'],
  connection: ['protocol', 'backends', 'models', 'errors.ts'],
  content: ['models', 'errors.ts'],
  protocol: ['models', 'errors.ts', 'redaction.ts'],
  backends: ['models'],
  models: ['errors.ts', 'redaction.ts'],
  'errors.ts': ['redaction.ts'],
  'redaction.ts': [],
}

/**
 * Modules for time, queues and the network. Only backends/ may import them; all may import types.
 */
const RUNTIME = /^(node:)?(net|tls|dgram|dns|timers|perf_hooks|process)(\/|$)/

/** The only file that reads the environment and the globals of runtimes: it guards each read. */
const ENVIRONMENT = 'models/environment.ts'
/** Other reads: `process.env`, `{ env } = process`, `globalThis as ...`, `globalThis.Bun` and so on. */
const UNGUARDED =
  /\bprocess(?:\.env|\[)|\benv\b[^{}]*\}\s*=\s*process\b|\bglobalThis(?:\s+as\b|\[|\.(?:Bun|Deno)\b)|from 'node:process'/g
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm

interface Import {
  readonly from: string
  readonly to: string
  /** Whether only types are imported. */
  readonly typeOnly: boolean
}

/** Returns errors in imports. `sources` maps a path in src/, with slashes, to its text. */
export function importErrors(sources: ReadonlyMap<string, string>): string[] {
  const errors: string[] = []
  const graph = new Map<string, string[]>()
  for (const [path, text] of sources) {
    const layer = layerOf(path)
    const allowed = MAY_IMPORT[layer]
    if (!allowed) {
      errors.push(`${path}: "${layer}" is not in the table of test/support/architecture.ts`)
      continue
    }
    const imports: string[] = []
    graph.set(path, imports)
    for (const { to, typeOnly } of importsOf(path, text)) {
      if (!to.startsWith('.')) {
        if (RUNTIME.test(to) && layer !== 'backends' && !typeOnly) {
          errors.push(`${path}: only backends/ may import ${to} (except types)`)
        }
        continue
      }
      const target = posix.join(posix.dirname(path), to)
      const targetLayer = layerOf(target)
      if (target.startsWith('../')) errors.push(`${path}: ${to} is outside src/`)
      else if (targetLayer !== layer && !allowed.includes(targetLayer)) {
        errors.push(`${path}: ${layer} may not import ${targetLayer} (${to})`)
      } else imports.push(target)
    }
  }
  for (const cycle of importCycles(graph)) errors.push(`import cycle: ${cycle.join(' -> ')}`)
  return errors
}

/** Returns reads of `process.env` and of globals of runtimes that a polluted prototype can answer. */
export function environmentErrors(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, text]) => {
    if (path === ENVIRONMENT) return []
    const reads = text.replace(COMMENT, '').match(UNGUARDED) ?? []
    return reads.map((read) => `${path}: only ${ENVIRONMENT} may read ${JSON.stringify(read)}`)
  })
}

/** Returns the permissions that no source uses. `sources` are all files of src/. */
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
      .map((to) => `${from} may import ${to}, but no file does: remove it from the table`),
  )
}

function layerOf(path: string): string {
  return path.split('/', 1)[0]!
}

function importsOf(from: string, text: string): Import[] {
  const found: Import[] = []
  const statement = /^(?:import|export)\s(\s*type\s)?(?:[^'"`;=()]*?\sfrom\s+)?['"]([^'"]+)['"]/gm
  for (const [, type, to] of text.matchAll(statement)) {
    found.push({ from, to: to!, typeOnly: type !== undefined })
  }
  for (const [, to] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)) {
    found.push({ from, to: to!, typeOnly: false })
  }
  return found
}

/** Returns a cycle for each back edge of a depth-first search. */
function importCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
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
  const errors = [
    ...importErrors(sources),
    ...unusedPermissions(sources),
    ...environmentErrors(sources),
  ]
  for (const error of errors) console.error(error)
  if (errors.length > 0) process.exit(1)
}
