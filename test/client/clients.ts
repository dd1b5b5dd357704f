import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

export { settle }

/** A client that is closed behind the test. */
export function openClient(t: TestContext, options: ClientOptions = {}): Client {
  const client = new Client({ trustEnv: false, ...options })
  t.after(() => client.close())
  return client
}

/** A client on a network and in a time that the test plays. */
export function scriptedClient(t: TestContext, options: ClientOptions = {}) {
  const backend = new ScriptedBackend()
  return { client: openClient(t, { ...options, backend }), backend, clock: backend.clock }
}

/** `1 active, 0 idle`: what its connections do. */
export function states(client: Client): string {
  return /\d+ active, \d+ idle/.exec(inspect(client))?.[0] ?? inspect(client)
}

/** Waits, turn by turn of the event loop, for what is on its way; gives up after very many. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 300_000 && !isSo(); turns++) await settle()
  if (!isSo()) throw new Error(`It did not become so: ${isSo}`)
}

/** A port of this machine where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}
