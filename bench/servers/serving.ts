import type { FromServer, ServerAddress, ServerKind } from '../messages.ts'
import { Answerer } from '../processes.ts'

/** Runs with a server in another process, which ends with it. Without a kind: nginx if it is there. */
export async function withServer<T>(
  kind: string | undefined,
  run: (server: ServerAddress) => Promise<T>,
): Promise<T> {
  if (kind !== undefined && !isServerKind(kind)) {
    throw new Error(`--server: nginx or embedded, not ${kind}`)
  }
  const host = new Answerer<{ server?: ServerKind }, FromServer>('servers/host', 'the server')
  try {
    const answer = await host.ask(kind === undefined ? {} : { server: kind }, 30)
    if (answer.kind !== 'listening') throw new Error(answer.message)
    return await run(answer.address)
  } finally {
    await host.end()
  }
}

function isServerKind(kind: string): kind is ServerKind {
  return kind === 'nginx' || kind === 'embedded'
}

/** Children notice by themselves that their parent is gone, and tidy up. */
export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
}
