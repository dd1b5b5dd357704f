import { spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { installSeparately, ROOT } from '../support/separate-packages.ts'

const TOOLS = join(ROOT, '.embedded')
const PROGRAMS = ['scenario', 'program', 'in-worker', 'mocked-timers']
/** In ms. */
const TIMEOUT = 300_000

/** Projects that have installed the packed Hawser, and can use the bundlers and frameworks. */
export class Projects {
  readonly #scratch: string
  readonly #installed: string

  /** Packs Hawser and installs it. @param scratch an empty folder for the projects */
  constructor(scratch: string) {
    installSeparately(TOOLS, join(ROOT, 'test/embedded/packages'), 'bundlers and test frameworks')
    this.#scratch = scratch
    this.#installed = join(scratch, 'installed')
    mkdirSync(this.#installed)
    runNpm(['pack', '--ignore-scripts', '--pack-destination', scratch], ROOT)
    const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'))
    writeFileSync(join(this.#installed, 'package.json'), '{}')
    runNpm(['install', '--ignore-scripts', join(scratch, `${tarball}`)], this.#installed)
  }

  /** Creates a project, and returns its folder. */
  create(name: string, type: 'module' | 'commonjs'): string {
    const folder = join(this.#scratch, name)
    const modules = join(folder, 'node_modules')
    cpSync(join(this.#installed, 'node_modules'), modules, { recursive: true })
    for (const tool of packagesIn(join(TOOLS, 'node_modules'))) {
      const path = join(modules, tool)
      if (existsSync(path)) continue
      mkdirSync(join(path, '..'), { recursive: true })
      symlinkSync(join(TOOLS, 'node_modules', tool), path)
    }
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'project', type }))
    for (const program of PROGRAMS) {
      copyFileSync(join(ROOT, `dist/test/embedded/${program}.js`), join(folder, `${program}.js`))
      copyFileSync(join(ROOT, `test/embedded/${program}.ts`), join(folder, `${program}.ts`))
    }
    return folder
  }

  /** Creates an empty folder, from which no package can be found. */
  createEmpty(name: string): string {
    const folder = join(this.#scratch, name)
    mkdirSync(folder)
    return folder
  }
}

function packagesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    if (name.startsWith('.')) return []
    if (!name.startsWith('@')) return [name]
    return readdirSync(join(folder, name)).map((scoped) => `${name}/${scoped}`)
  })
}

function runNpm(words: readonly string[], folder: string): void {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr } = spawnSync('npm', [...words, ...quiet], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ${words[0]} failed: ${stderr}`)
}

/** The environment without what could change the requests, such as a proxy. */
function neutralEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/proxy|^node_|^ssl_/i.test(name))
  return Object.fromEntries(kept)
}

/** Runs a program to its end. Rejects if it fails or takes longer than five minutes. */
export function runProgram(
  folder: string,
  command: readonly string[],
  variables: Record<string, string> = {},
): Promise<string> {
  const [program = '', ...words] = command
  const env = { ...neutralEnvironment(), ...variables }
  const child = spawn(program, words, { cwd: folder, env, timeout: TIMEOUT })
  child.stdin.end()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${signal ?? `exit status ${code}`}\n${stdout}${stderr}`))
    })
  })
}
