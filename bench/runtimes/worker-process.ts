import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Sample } from '../statistics.ts'
import type { Command, Reply } from './worker.ts'

/** How long a worker may take to reply, in milliseconds. After that it is killed. */
const TIMEOUT = 60_000

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))

/** A worker process with one contestant, on any runtime. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #name: string

  /** @param command the command of the runtime, without the file to run */
  constructor(command: readonly string[], contestant: string, origin: string) {
    const [file = '', ...args] = [...command, WORKER, contestant, origin]
    this.#name = `${file}: ${contestant}`
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.on('error', () => {})
    child.stdin.on('error', () => {})
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    this.#child = child
  }

  /** Resolves with the requests per second at the end of the warm-up. */
  async warmUp(seconds: number): Promise<number> {
    const reply = await this.#ask({ warmUp: seconds })
    if (!('requestsPerSecond' in reply)) throw new Error(`${this.#name}: unexpected reply`)
    return reply.requestsPerSecond
  }

  async slice(requests: number): Promise<Sample> {
    const reply = await this.#ask({ requests })
    if (!('sample' in reply)) throw new Error(`${this.#name}: unexpected reply`)
    return reply.sample
  }

  /** @throws Error if the contestant fails, exits, or does not reply in time */
  async #ask(command: Command): Promise<Reply> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), TIMEOUT)
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`)
    const line = await this.#lines.next()
    clearTimeout(timer)
    if (line.done) throw new Error(`${this.#name} exited, or did not reply within ${TIMEOUT} ms`)
    const reply = JSON.parse(line.value) as Reply
    if ('failure' in reply) throw new Error(`${this.#name}: ${reply.failure}`)
    return reply
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}
