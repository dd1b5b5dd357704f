// Bundles `dist/src` into `dist/lib`, which contains the public interfaces that package.json
// exports, in a few files. Node loads these in a third of the time that the 200 files of `dist/src`
// take (`npm run bench:start`). Rollup keeps the code unchanged, so that classes keep their names
// and a call costs the same: with `keepNames` of esbuild, a `client.get` took 0.4 us more. Version
// 3 of Rollup needs no native binary.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { writeRequireTypes } from './declarations.mjs'
import { vendor, vendoredNames } from './vendor.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist/lib', { recursive: true, force: true })
const COMMAND = 'command/main'
const interfaces = ['index', 'engine', 'fetch/index']
// Rollup would put these modules into index.js, because nothing else imports them. In separate
// files, a bundler can omit them if they are not used.
const separateFiles = [
  'errors',
  'client/module-functions',
  'client/auth/digest',
  'client/auth/netrc-auth',
]
// package.json maps `#tough-cookie` to one of these files. Node loads the package when it is first
// needed. Bundlers and Jest need a static import to find it: they do not set the condition
// `node-addons`, or set `require` as well.
const toughCookie = ['client/cookies/tough-cookie-lazy', 'client/cookies/tough-cookie-static']
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const vendoredPackages = new Set()
const vendoring = {
  name: 'vendoring',
  resolveId: (id) => (vendoredNames.includes(id) ? `vendor:${id}` : null),
  async load(id) {
    if (!id.startsWith('vendor:')) return null
    const { code, packages } = await vendor(id.slice('vendor:'.length))
    for (const name of packages) vendoredPackages.add(name)
    return { code, map: { mappings: '' } }
  },
}
/** Makes the maps of the bundle lead to the TypeScript sources instead of `dist/src`. */
const sourceMaps = {
  name: 'source-maps',
  load(id) {
    if (!existsSync(`${id}.map`)) return null
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
  },
}
const bundle = await rollup({
  input: Object.fromEntries(
    [...interfaces, COMMAND, ...separateFiles, ...toughCookie].map((name) => [
      name,
      `dist/src/${name}.js`,
    ]),
  ),
  external: [/^node:/, /^#/, ...Object.keys(dependencies)],
  plugins: [vendoring, sourceMaps],
  // Rollup also reports imports of packages that are neither external nor vendored here.
  onLog(_, { message }) {
    throw new Error(message)
  },
})
await bundle.write({
  dir: 'dist/lib',
  format: 'es',
  entryFileNames: '[name].js',
  chunkFileNames: 'shared/[hash].js',
  hoistTransitiveImports: false,
  banner: ({ name }) => (name === COMMAND ? '#!/usr/bin/env node' : ''),
  sourcemap: true,
  sourcemapExcludeSources: true, // the package contains them
})
for (const name of interfaces) await writeRequireTypes(name)
// setup.mjs uses the time of this file. A test compares the list of packages with
// native/THIRD-PARTY.md.
writeFileSync('dist/lib/.bundled', JSON.stringify([...vendoredPackages].sort()))
