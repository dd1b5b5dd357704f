// Builds src/protocol/llhttp-module.generated.ts: llhttp's module, taken out of the installed
// llhttp-wasm, merged with our recorder and optimised. README.md says why and what is in it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '1.0.3'
const SHA256 = '259f8302ac0f7fd7d38469e0d16b505e59c6b432cc5eb856be4d012260de0e11'

const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)
const target = join(here, '../src/protocol/llhttp-module.generated.ts')

/** llhttp as a wasm module: the base64 string in llhttp-wasm, if it is exactly the one we know. */
function takeLlhttp() {
  const root = dirname(dirname(require.resolve('llhttp-wasm')))
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const source = readFileSync(join(root, 'out/index.js'), 'utf8')
  const base64 = /"([A-Za-z0-9+/=]{1000,})"/.exec(source)?.[1]
  if (base64 === undefined) fail(`llhttp-wasm ${version} has no module in out/index.js`)
  const module = Buffer.from(base64, 'base64')
  const hash = createHash('sha256').update(module).digest('hex')
  if (version !== VERSION || hash !== SHA256) {
    fail(
      `llhttp-wasm changed: found ${version} with SHA-256 ${hash}, ` +
        `known is ${VERSION} with ${SHA256}.\n` +
        "The recorder relies on the parser's layout (native/README.md): check it, run the tests, then pin the new hash.",
    )
  }
  return module
}

function fail(message) {
  console.error(`native/build.mjs: ${message}`)
  process.exit(1)
}

function binaryen(tool, ...args) {
  const path = join(dirname(require.resolve('binaryen')), 'bin', tool)
  execFileSync(process.execPath, [path, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** What is left of the merged module's exports: the recorder's own, without llhttp's callbacks. */
function keptExports(recorder) {
  const names = [...readFileSync(recorder, 'utf8').matchAll(/\(export "([^"]+)"\)/g)].map(
    (m) => m[1],
  )
  return ['memory', ...names.filter((name) => !name.startsWith('wasm_on_'))]
}

const features = [
  '--enable-bulk-memory',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-nontrapping-float-to-int',
]
const work = mkdtempSync(join(tmpdir(), 'hawser-native-'))
const file = (name) => join(work, name)
try {
  const recorder = join(here, 'recorder.wat')
  writeFileSync(file('llhttp.wasm'), takeLlhttp())
  binaryen('wasm-as', ...features, recorder, '-o', file('recorder.wasm'))
  binaryen(
    'wasm-merge',
    ...features,
    file('llhttp.wasm'),
    'llhttp',
    file('recorder.wasm'),
    'env',
    '-o',
    file('merged.wasm'),
  )
  const kept = keptExports(recorder)
  const graph = kept.map((name) => ({ name: `export ${name}`, root: true, export: name }))
  writeFileSync(file('graph.json'), JSON.stringify(graph))
  binaryen(
    'wasm-metadce',
    ...features,
    file('merged.wasm'),
    '--graph-file',
    file('graph.json'),
    '-o',
    file('kept.wasm'),
  )
  binaryen('wasm-opt', ...features, '-O3', file('kept.wasm'), '-o', file('module.wasm'))

  const bytes = readFileSync(file('module.wasm'))
  const module = new WebAssembly.Module(bytes)
  if (WebAssembly.Module.imports(module).length > 0) fail('imports are left in the merged module')
  const found = new Set(WebAssembly.Module.exports(module).map((e) => e.name))
  for (const name of kept) if (!found.has(name)) fail(`the merged module lacks the export ${name}`)

  writeFileSync(
    target,
    '// Made by native/build.mjs: llhttp (MIT) and native/recorder.wat. Not for editing.\n' +
      `export const MODULE: string = '${bytes.toString('base64')}'\n`,
  )
  console.log(`native: ${bytes.length} bytes of wasm -> src/protocol/llhttp-module.generated.ts`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
