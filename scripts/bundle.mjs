// Makes `dist/lib`, which is what the package's exports name: the public faces, each in few files. Node
// loads them in a third of the time that the two hundred of `dist/src` take (`npm run bench:start`).
// By Rollup, since it changes nothing but where the code stands: classes keep their names by themselves,
// and a call costs the same (esbuild's `keepNames` took 0.4 us more for a `client.get`). Version 3 needs no binary.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { vendor, vendoredNames } from './vendor.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist/lib', { recursive: true, force: true })
const COMMAND = 'command/main'
const faces = ['index', 'engine', 'fetch/index', COMMAND]
// What nobody but index.js has would stand in it. In files of its own a bundler can leave it out.
const parts = ['errors', 'client/module-functions', 'client/auth/digest', 'client/auth/netrc-auth']
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
const bundle = await rollup({
  input: Object.fromEntries([...faces, ...parts].map((name) => [name, `dist/src/${name}.js`])),
  external: [/^node:/, ...Object.keys(dependencies)],
  plugins: [vendoring],
  // An import of a package that is neither external nor vendored ends here as well.
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
})
// Written when all of it is there. A test reads it to compare it with native/THIRD-PARTY.md.
writeFileSync('dist/lib/.bundled', JSON.stringify([...vendoredPackages].sort()))
