// Bundles the packages that Hawser publishes as part of its files, so that npm installs fewer
// packages. esbuild turns each of them into one ES module, because Rollup does not read CommonJS.
import { createRequire, isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const top = fileURLToPath(new URL('..', import.meta.url))

/** Maps each package to the source of a module that exports what `src/` imports from it. */
const modules = {
  'cli-progress': `export { default } from 'cli-progress'`,
  commander: `export { Command, CommanderError, InvalidArgumentError, Option } from 'commander'`,
  'eventsource-parser': `export { createParser } from 'eventsource-parser'`,
  // Loaded by the first call, because netrc-parser looks for a file in the home folder when it is
  // loaded.
  'netrc-parser': `export const parse = (text) => require('netrc-parser').parse(text)`,
  picocolors: `export { default } from 'picocolors'`,
}

/** Replacements for packages that netrc-parser requires and Hawser does not use. */
const stubs = {
  debug: 'module.exports = () => () => {}',
  // netrc-parser would start gpg with it, for a file whose name ends with .gpg. Hawser rejects such
  // files.
  execa: `
    const refuse = () => {
      throw new Error('Hawser does not start a process to decrypt a netrc file')
    }
    module.exports = Object.assign(refuse, { sync: refuse })`,
}

export const vendoredNames = [...Object.keys(modules), 'mime-types']

/**
 * Returns a module with the function `lookup` of mime-types, and the table that mime-types computes
 * from mime-db. The table is a quarter of the size of both packages, and is parsed by the first
 * call.
 */
function mimeTypes() {
  const { types } = createRequire(import.meta.url)('mime-types')
  const table = JSON.stringify(JSON.stringify(types))
  const code = `
    import { extname } from 'node:path'
    let types = null
    export function lookup(path) {
      types ??= new Map(Object.entries(JSON.parse(${table})))
      return types.get(extname('x.' + path).toLowerCase().slice(1)) ?? false
    }`
  return { code, packages: ['mime-db', 'mime-types'] }
}

/** Bundles a package. Returns the code, and the names of all packages that it contains. */
export async function vendor(name) {
  if (name === 'mime-types') return mimeTypes()
  const { outputFiles, metafile } = await build({
    stdin: { contents: modules[name], resolveDir: top },
    absWorkingDir: top,
    bundle: true,
    format: 'esm',
    platform: 'node',
    legalComments: 'none', // native/THIRD-PARTY.md has the licences
    preserveSymlinks: true, // otherwise the code contains the target of a linked node_modules
    plugins: [importBuiltins, useStubs],
    metafile: true,
    write: false,
  })
  const paths = Object.keys(metafile.inputs)
  const names = paths.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
  return {
    code: outputFiles[0].text,
    packages: [...new Set(names)].filter((found) => found !== undefined),
  }
}

/** Replaces `require` of Node's modules by imports, because an ES module cannot `require`. */
const importBuiltins = {
  name: 'import-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_:]+$/ }, ({ path, namespace }) => {
      if (!isBuiltin(path)) return undefined
      if (namespace === 'builtin') return { path, external: true }
      return { path: `node:${path.replace(/^node:/, '')}`, namespace: 'builtin' }
    })
    onLoad({ filter: /^/, namespace: 'builtin' }, ({ path }) => ({
      contents: `import value from '${path}'; module.exports = value`,
    }))
  },
}

const useStubs = {
  name: 'use-stubs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^/ }, ({ path }) =>
      Object.hasOwn(stubs, path) ? { path, namespace: 'stub' } : undefined,
    )
    onLoad({ filter: /^/, namespace: 'stub' }, ({ path }) => ({ contents: stubs[path] }))
  },
}
