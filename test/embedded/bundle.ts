// `node bundle.js TOOL FORMAT OUTFILE`: bundles program.js of the current folder, which has the
// bundler in its node_modules.
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

type Format = 'esm' | 'cjs'
type Bundler = (format: Format, outfile: string) => Promise<unknown>
/** The parts of the bundlers that are used. Their own types need the packages. */
interface Rollup {
  write(options: object): Promise<unknown>
}

const ENTRY = './program.js'
const requireFrom = createRequire(join(process.cwd(), 'package.json'))

const bundlers: Record<string, Bundler> = {
  async esbuild(format, outfile) {
    const { build } = requireFrom('esbuild') as { build(options: object): Promise<unknown> }
    const files = { entryPoints: [ENTRY], outfile }
    await build({ ...files, bundle: true, platform: 'node', format, logLevel: 'warning' })
  },

  async webpack(format, outfile) {
    type Stats = { hasErrors(): boolean; toString(): string }
    type Webpack = (options: object, done: (error: Error | null, stats: Stats) => void) => void
    const webpack = requireFrom('webpack') as Webpack
    const isModule = format === 'esm'
    const options = {
      mode: 'production',
      target: 'node20',
      entry: ENTRY,
      experiments: { outputModule: isModule },
      output: {
        path: dirname(outfile),
        filename: basename(outfile),
        module: isModule,
        library: { type: isModule ? 'module' : 'commonjs2' },
      },
    }
    await new Promise<void>((resolve, reject) => {
      webpack(options, (error, stats) => {
        if (error !== null) reject(error)
        else if (stats.hasErrors()) reject(new Error(stats.toString()))
        else resolve()
      })
    })
  },

  async rollup(format, outfile) {
    const { rollup } = requireFrom('rollup') as { rollup(options: object): Promise<Rollup> }
    const plugin = (name: string, options: object) => {
      const made = requireFrom(`@rollup/plugin-${name}`) as Record<string, unknown>
      return (made.default as (options: object) => unknown)(options)
    }
    const resolving = plugin('node-resolve', { preferBuiltins: true, exportConditions: ['node'] })
    const plugins = [resolving, plugin('commonjs', {}), plugin('json', {})]
    const bundle = await rollup({ input: ENTRY, plugins })
    await bundle.write({ file: outfile, format, inlineDynamicImports: true })
  },

  async rolldown(format, outfile) {
    const { rolldown } = requireFrom('rolldown') as { rolldown(options: object): Promise<Rollup> }
    const bundle = await rolldown({ input: ENTRY, platform: 'node' })
    await bundle.write({ file: outfile, format })
  },
}

const [tool = '', format = '', outfile = ''] = process.argv.slice(2)
const bundler = bundlers[tool]
if (bundler === undefined) throw new Error(`no bundler ${tool}`)
await bundler(format as Format, outfile)
