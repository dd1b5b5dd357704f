// The server process. with-server.ts starts it and sends the kind of server to start.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerAddress, ServerKind, ServerReply } from '../messages.ts'
import { startEmbedded } from './embedded.ts'
import { nginxVersion, startNginx } from './nginx.ts'

let stop = async () => {}

async function start(kind: ServerKind | undefined): Promise<ServerAddress> {
  const version = kind === 'embedded' ? undefined : nginxVersion()
  if (version === undefined) {
    if (kind === 'nginx') throw new Error('nginx is not installed')
    return startEmbedded(createTempFolder())
  }
  const folder = createTempFolder()
  const nginx = await startNginx(folder, version)
  stop = nginx.stop
  return nginx.address
}

function createTempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function sendReply(message: ServerReply) {
  process.send?.(message)
}

process.on('message', ({ server }: { server?: ServerKind }) => {
  start(server).then(
    (address) => sendReply({ kind: 'listening', address }),
    (error: unknown) => sendReply({ kind: 'failed', message: `${error}` }),
  )
})

async function stopAndExit(): Promise<void> {
  await stop()
  process.exit()
}

// The parent process has exited.
process.on('disconnect', stopAndExit)
process.on('SIGTERM', stopAndExit)
process.on('SIGINT', () => {})
