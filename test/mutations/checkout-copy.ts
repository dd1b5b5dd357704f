import { spawn, spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import type { Mutation } from './mutation.ts'
import { mutated, top } from './mutation.ts'

const COPIED = ['src', 'test', 'bench', 'docs', 'native', 'scripts', 'dist', 'package.json']
const MODULE = 'src/protocol/llhttp-module.generated.ts'
/** Limits for one test and for one test file, in ms. */
const TEST_TIMEOUT = 20_000
const FILE_TIMEOUT = 90_000

/** The result of test files. */
export interface Outcome {
  /** Titles of the tests and suites that failed. */
  readonly failed: string[]
  /** Whether a test file had to be killed. */
  hung: boolean
}

/** A copy of the built checkout, in which one mistake at a time can be made. */
export class CheckoutCopy {
  readonly #folder: string
  /** The contents of the files that the mistake has changed. */
  #changed = new Map<string, Buffer>()

  constructor(folder: string) {
    this.#folder = folder
    for (const name of COPIED) cpSync(join(top, name), join(folder, name), { recursive: true })
    symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'))
  }

  /** Makes a mistake, and compiles it. Returns why that is impossible, or null. */
  make(mutation: Mutation): string | null {
    const attempt = mutated(mutation, this.#folder)
    if ('why' in attempt) return attempt.why
    try {
      this.#write(mutation.file, attempt.text)
      if (mutation.file.startsWith('native/')) this.#buildModule()
      else if (mutation.file.endsWith('.ts')) this.#compile(mutation.file)
      return null
    } catch (error) {
      this.undo()
      return String(error)
    }
  }

  /** Restores the files without the mistake. */
  undo(): void {
    for (const [path, content] of this.#changed) writeFileSync(path, content)
    this.#changed.clear()
  }

  /** Runs test files, given as paths below test/, one after another. */
  async run(tests: readonly string[]): Promise<Outcome> {
    const outcome: Outcome = { failed: [], hung: false }
    for (const name of tests) await this.#runFile(`dist/test/${name}.test.js`, outcome)
    return outcome
  }

  #write(file: string, text: string): void {
    const path = join(this.#folder, file)
    this.#changed.set(path, readFileSync(path))
    writeFileSync(path, text)
  }

  #buildModule(): void {
    const path = join(this.#folder, MODULE)
    this.#changed.set(path, readFileSync(path))
    const script = ['native/build.mjs']
    const { status } = spawnSync(process.execPath, script, { cwd: this.#folder })
    if (status !== 0) throw new Error('native/build.mjs fails')
    this.#compile(MODULE)
  }

  /** Compiles one file, without a check of its types: the compiler would take most of the time. */
  #compile(file: string): void {
    const source = readFileSync(join(this.#folder, file), 'utf8')
    const { code } = transformSync(source, {
      loader: 'ts',
      target: 'es2022',
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    })
    const output = `dist/${file.replace(/\.ts$/, '.js')}`
    this.#write(output, code.replace(/(["']\.{1,2}\/[^"'\n]*)\.ts(["'])/g, '$1.js$2'))
  }

  /** Runs a test file in its own process group, and kills the group afterwards. */
  #runFile(file: string, outcome: Outcome): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--test-reporter=tap', `--test-timeout=${TEST_TIMEOUT}`, file],
      { cwd: this.#folder, detached: true, stdio: ['ignore', 'pipe', 'ignore'] },
    )
    const killGroup = () => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL')
      } catch {} // It has already ended.
    }
    process.on('exit', killGroup)
    return new Promise((resolve) => {
      let tap = ''
      const timer = setTimeout(() => {
        outcome.hung = true
        killGroup()
      }, FILE_TIMEOUT)
      child.stdout.setEncoding('utf8').on('data', (text: string) => (tap += text))
      child.on('close', () => {
        clearTimeout(timer)
        killGroup()
        process.off('exit', killGroup)
        for (const [, title] of tap.matchAll(/^ *not ok \d+ - (.*)$/gm)) {
          outcome.failed.push(title as string)
        }
        resolve()
      })
    })
  }
}
