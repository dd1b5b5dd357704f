import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A forked module of this folder that sends exactly one reply to each command. */
export class ForkedProcess<Command extends object, Reply> {
  private readonly child: ChildProcess
  private readonly name: string

  /**
   * `module` is a path in this folder without an extension: it has that of this file, .ts or .js.
   */
  constructor(module: string, name: string, nodeFlags: readonly string[] = []) {
    const file = new URL(`./${module}${extname(import.meta.url)}`, import.meta.url)
    const execArgv = [...process.execArgv, ...nodeFlags]
    this.child = fork(fileURLToPath(file), { execArgv, serialization: 'advanced' })
    this.name = name
    this.child.on('error', () => {})
  }

  /**
   * Sends a command and resolves with the reply. Rejects if the child fails, exits, or times out.
   */
  ask(command: Command | undefined, timeoutSeconds: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.child.off('message', onMessage)
        this.child.off('exit', onExit)
      }
      const onMessage = (reply: unknown) => {
        settle()
        const { kind, message } = reply as { kind: string; message?: string }
        if (kind === 'failed') reject(new Error(`${this.name}: ${message}`))
        else resolve(reply as Reply)
      }
      const onExit = (code: number | null, signal: string | null) => {
        settle()
        reject(new Error(`${this.name} exited (${signal ?? code}) before it replied`))
      }
      const timer = setTimeout(() => {
        settle()
        reject(new Error(`${this.name} did not reply within ${timeoutSeconds} s`))
      }, timeoutSeconds * 1000)

      this.child.on('message', onMessage)
      this.child.on('exit', onExit)
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        onExit(this.child.exitCode, this.child.signalCode)
      } else if (command) {
        this.child.send(command, () => {})
      }
    })
  }

  /** Disconnects the child, so that it cleans up and exits. Kills it after three seconds. */
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
