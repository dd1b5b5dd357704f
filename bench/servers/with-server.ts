import { ForkedProcess } from '../forked-process.ts'
import type { ServerAddress, ServerKind, ServerReply } from '../messages.ts'

/**
 * Starts a server in another process, runs `run`, and stops the server. Without a kind it is nginx
 * if that is installed, otherwise the embedded server.
 */
export async function withServer<T>(
  kind: string | undefined,
  run: (server: ServerAddress) => Promise<T>,
): Promise<T> {
  if (kind !== undefined && !isServerKind(kind)) {
    throw new Error(`--server: expected nginx or embedded, got ${kind}`)
  }
  const host = new ForkedProcess<{ server?: ServerKind }, ServerReply>('servers/host', 'The server')
  try {
    const reply = await host.ask(kind === undefined ? {} : { server: kind }, 30)
    if (reply.kind !== 'listening') throw new Error(reply.message)
    return await run(reply.address)
  } finally {
    await host.end()
  }
}

function isServerKind(kind: string): kind is ServerKind {
  return kind === 'nginx' || kind === 'embedded'
}

/**
 * Exits on SIGINT and SIGTERM. Child processes notice that their parent has exited, and clean up.
 */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
}
