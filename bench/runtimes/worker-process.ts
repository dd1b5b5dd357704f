import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Sample } from '../statistics.ts'
import type { Answer, Order } from './worker.ts'

/** Nothing takes so long, in milliseconds. */
const PATIENCE = 60_000

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))

/** A contestant in a process of its own. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #name: string

  /** @param command of the runtime, before the file */
  constructor(command: readonly string[], contestant: string, origin: string) {
    const [file = '', ...args] = [...command, WORKER, contestant, origin]
    this.#name = `${file}: ${contestant}`
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.on('error', () => {})
    child.stdin.on('error', () => {})
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    this.#child = child
  }

  async warmUp(seconds: number): Promise<number> {
    const answer = await this.#ask({ warmUp: seconds })
    if (!('requestsPerSecond' in answer)) throw new Error(`${this.#name}: an answer out of turn`)
    return answer.requestsPerSecond
  }

  async slice(requests: number): Promise<Sample> {
    const answer = await this.#ask({ requests })
    if (!('sample' in answer)) throw new Error(`${this.#name}: an answer out of turn`)
    return answer.sample
  }

  /** @throws Error for a contestant that fails, ends, or takes too long; it is killed then. */
  async #ask(order: Order): Promise<Answer> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE)
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`)
    const line = await this.#lines.next()
    clearTimeout(timer)
    if (line.done) throw new Error(`${this.#name} ended, or took longer than ${PATIENCE} ms`)
    const answer = JSON.parse(line.value) as Answer
    if ('failure' in answer) throw new Error(`${this.#name}: ${answer.failure}`)
    return answer
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}
