// Starts real servers as child processes of a test. A server that is not installed is not tested;
// CI installs all of them.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether a command is installed. In CI, a missing command is a failed test. */
export function isInstalled(command: string): boolean {
  const installed = spawnSync(command, ['-v']).error === undefined
  test(`CI has ${command}`, () => {
    assert.ok(installed || process.env.CI === undefined, `.ci/run should have installed ${command}`)
  })
  return installed
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when the server accepts connections. Rejects with its output if it ends before. */
export async function startServer(
  command: string,
  args: readonly string[],
  port: number,
): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000)
    })
  }
  for (let tries = 0; tries < 400 && child.exitCode === null; tries++) {
    const socket = net.connect(port, '127.0.0.1')
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (connected) return child
    await sleep(25)
  }
  child.kill('SIGKILL')
  throw new Error(`${command} does not start: ${output}`)
}

export async function stopServer(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}
