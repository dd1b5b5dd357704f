import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A forked module of this folder that answers each message with exactly one. */
export class Answerer<Order extends object, Answer> {
  private readonly child: ChildProcess
  private readonly name: string

  /** `module` is a path in this folder without its extension, which is ours: .ts or .js. */
  constructor(module: string, name: string, nodeFlags: readonly string[] = []) {
    const file = new URL(`./${module}${extname(import.meta.url)}`, import.meta.url)
    const execArgv = [...process.execArgv, ...nodeFlags]
    this.child = fork(fileURLToPath(file), { execArgv, serialization: 'advanced' })
    this.name = name
    this.child.on('error', () => {})
  }

  /** Rejects when the child fails, ends, or takes longer than the time given. */
  ask(order: Order | undefined, timeoutSeconds: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.child.off('message', onMessage)
        this.child.off('exit', onExit)
      }
      const onMessage = (answer: unknown) => {
        settle()
        const { kind, message } = answer as { kind: string; message?: string }
        if (kind === 'failed') reject(new Error(`${this.name}: ${message}`))
        else resolve(answer as Answer)
      }
      const onExit = (code: number | null, signal: string | null) => {
        settle()
        reject(new Error(`${this.name} ended (${signal ?? code}) before it answered`))
      }
      const timer = setTimeout(() => {
        settle()
        reject(new Error(`${this.name} did not answer within ${timeoutSeconds} s`))
      }, timeoutSeconds * 1000)

      this.child.on('message', onMessage)
      this.child.on('exit', onExit)
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        onExit(this.child.exitCode, this.child.signalCode)
      } else if (order) {
        this.child.send(order, () => {})
      }
    })
  }

  /** Lets go of the child, which then tidies up and ends; kills it when it doesn't. */
  async end(): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
    if (child.connected) child.disconnect()
    await ended
    clearTimeout(timer)
  }
}
