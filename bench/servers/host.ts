// A process of its own for the server. Forked by run.ts and profile.ts, told which kind to start.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FromServer, ServerAddress, ServerKind } from '../messages.ts'
import { startEmbedded } from './embedded.ts'
import { nginxVersion, startNginx } from './nginx.ts'

let stop = async () => {}

async function start(kind: ServerKind | undefined): Promise<ServerAddress> {
  const version = kind === 'embedded' ? undefined : nginxVersion()
  if (version === undefined) {
    if (kind === 'nginx') throw new Error('nginx is not installed')
    return startEmbedded(ownFolder())
  }
  const folder = ownFolder()
  const nginx = await startNginx(folder, version)
  stop = nginx.stop
  return nginx.address
}

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function answer(message: FromServer) {
  process.send?.(message)
}

process.on('message', ({ server }: { server?: ServerKind }) => {
  start(server).then(
    (address) => answer({ kind: 'listening', address }),
    (error: unknown) => answer({ kind: 'failed', message: `${error}` }),
  )
})

async function stopAndExit(): Promise<void> {
  await stop()
  process.exit()
}

// Whoever forked us is gone, by whatever way.
process.on('disconnect', stopAndExit)
process.on('SIGTERM', stopAndExit)
process.on('SIGINT', () => {})
