// Bundles a program and the sources of Hawser into one CommonJS module, as users of a bundler do,
// and loads such a module as Jest does: in another realm, with chosen globals.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createContext, Script } from 'node:vm'
import type { BuildOptions, BuildResult, Plugin } from 'esbuild'
import { build } from 'esbuild'

const compiled = fileURLToPath(new URL('../..', import.meta.url))

/** Resolves the name of the package to the compiled sources, so that mutations have an effect. */
const useSources: Plugin = {
  name: 'use-sources',
  setup({ onResolve }) {
    onResolve({ filter: /^hawser(\/\w+)?$/ }, ({ path }) => {
      const file = { hawser: 'index', 'hawser/fetch': 'fetch/index' }[path] ?? 'engine'
      return { path: `${compiled}src/${file}.js` }
    })
  },
}

type Bundle = BuildResult<BuildOptions & { write: false }>

/** @param path the program: a compiled module, relative to `dist/test` */
export function bundleProgram(path: string, options: BuildOptions = {}): Promise<Bundle> {
  return build({
    entryPoints: [`${compiled}test/${path}.js`],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [useSources],
    ...options,
    write: false,
  })
}

/**
 * The globals that Jest gives to a test with jsdom, as far as Hawser uses them. Classes of the
 * language, such as `Uint8Array`, `Error` and `Promise`, are those of the other realm.
 */
const JSDOM_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'Buffer',
  'DOMException',
  'File',
  'FormData',
  'URL',
  'URLSearchParams',
  'console',
  'process',
] as const

/** Fake timers, which never call back. As those of jsdom, they are numbers. */
const fakeTimers = Object.fromEntries(
  [
    'setTimeout',
    'setInterval',
    'setImmediate',
    'clearTimeout',
    'clearInterval',
    'clearImmediate',
    'queueMicrotask',
  ].map((name) => [name, () => 1]),
)

/** Loads the bundle in another realm, with fake timers, and returns what it exports. */
export function loadInOtherRealm({ outputFiles }: Bundle): unknown {
  const globals = JSDOM_GLOBALS.map((name) => [name, globalThis[name]])
  const realm = createContext({ ...Object.fromEntries(globals), ...fakeTimers })
  const code = `(function (require, module) { ${outputFiles[0]?.text}\n})`
  const module = { exports: {} }
  new Script(code).runInContext(realm)(createRequire(import.meta.url), module)
  return module.exports
}
