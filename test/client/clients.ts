import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

export { settle }

/** Creates a client that is closed after the test. */
export function openClient(t: TestContext, options: ClientOptions = {}): Client {
  const client = new Client({ trustEnv: false, ...options })
  t.after(() => client.close())
  return client
}

/** Creates a client with scripted sockets and a scripted clock. */
export function scriptedClient(t: TestContext, options: ClientOptions = {}) {
  const backend = new ScriptedBackend()
  return { client: openClient(t, { ...options, backend }), backend, clock: backend.clock }
}

/** The states of the client's connections: `1 active, 0 idle`. */
export function states(client: Client): string {
  return /\d+ active, \d+ idle/.exec(inspect(client))?.[0] ?? inspect(client)
}

/** Waits until the condition is met. Throws after 300,000 turns of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 300_000 && !condition(); turns++) await settle()
  if (!condition()) throw new Error(`Condition not met: ${condition}`)
}

/** The origin of a local port on which no server listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}
