// Starts docs/guide/server.mjs and docs/guide/proxy.mjs as a reader of the guide does, but on free
// ports.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface GuideServers {
  /** The addresses in the pages, and those of these servers that replace them. */
  readonly addresses: readonly (readonly [written: string, real: string])[]
  /** The first line of each request that the proxy received. */
  readonly proxied: readonly string[]
  close(): void
}

/** @param folder the working directory of the servers. It contains the certificates */
export async function startGuideServers(folder: string): Promise<GuideServers> {
  const server = startProgram('server.mjs', folder)
  const proxy = startProgram('proxy.mjs', folder)
  const [http = '', https = ''] = await server.lines(2)
  const [through = ''] = await proxy.lines(1)
  const { port } = new URL(http)
  return {
    addresses: [
      ['localhost:8000', `localhost:${port}`],
      ['127.0.0.1:8000', `127.0.0.1:${port}`],
      ['localhost:8443', new URL(https).host],
      ['localhost:3128', new URL(through).host],
    ],
    proxied: proxy.printed,
    close() {
      server.stop()
      proxy.stop()
    },
  }
}

function startProgram(name: string, cwd: string) {
  const path = fileURLToPath(new URL(`../../../docs/guide/${name}`, import.meta.url))
  const env = { ...process.env, PORT: '0', TLS_PORT: '0' }
  const child = spawn(process.execPath, [path], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const input = createInterface(child.stdout)
  const printed: string[] = []
  input.on('line', (line) => printed.push(line))
  return {
    printed,
    /** Resolves with the printed lines when there are that many; rejects if the program ends. */
    lines: (count: number) =>
      new Promise<readonly string[]>((resolve, reject) => {
        const check = () => printed.length >= count && resolve(printed)
        input.on('line', check)
        child.on('exit', () => reject(new Error(`${name} has ended`)))
        check()
      }),
    stop: () => void child.kill(),
  }
}
