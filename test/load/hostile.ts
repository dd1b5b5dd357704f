import assert from 'node:assert/strict'
import {
  Client,
  ConnectError,
  RemoteProtocolError,
  ResponseTooLarge,
  TotalTimeout,
} from '../../src/index.ts'
import type { Scenario, World } from './scenario.ts'
import type { EndlessKind, ServerKind } from './servers.ts'
import { ENDLESS_KINDS } from './servers.ts'

type ErrorType = abstract new (...args: never[]) => Error

const MAX_RESPONSE_SIZE = 1024 * 1024
const DRIP_TOTAL = 500
/** Nothing else needs so long: a bound that is missing is told, and does not hang. */
const ENDLESS_TOTAL = 10_000

/** What a client says that has had enough. */
const ENOUGH: Readonly<Record<EndlessKind, ErrorType>> = {
  headers: RemoteProtocolError,
  informational: RemoteProtocolError,
  chunks: ResponseTooLarge,
  'chunk extensions': RemoteProtocolError,
  trailers: RemoteProtocolError,
  'until close': ResponseTooLarge,
  'empty lines': RemoteProtocolError,
}

/** So many calls, some of them at once; each has to fail with this. */
async function failing(
  client: Client,
  url: string,
  count: number,
  atOnce: number,
  type: ErrorType,
): Promise<void> {
  let left = count
  const work = async () => {
    while (left-- > 0) {
      const error = await client.get(url).then(
        () => null,
        (error: unknown) => error,
      )
      assert.ok(error instanceof type, String(error))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** A server of this kind, asked so many times. */
function scenario(
  name: string,
  memory: number,
  ask: { kind: ServerKind; count: number; atOnce: number; type: ErrorType },
): Scenario {
  const { kind, count, atOnce, type } = ask
  return {
    name,
    memory,
    async round({ ports, scale }: World) {
      const scheme = kind === 'untrusted' ? 'https' : 'http'
      const total = kind === 'drip' ? DRIP_TOTAL : ENDLESS_TOTAL
      const options = { trustEnv: false, maxResponseSize: MAX_RESPONSE_SIZE, timeout: { total } }
      const client = new Client(options)
      const calls = Math.max(atOnce, Math.round(count * scale))
      try {
        await failing(client, `${scheme}://127.0.0.1:${ports[kind]}/`, calls, atOnce, type)
      } finally {
        await client.close()
      }
      return `${calls} ended with ${type.name}`
    },
  }
}

/** Servers that are broken, or mean it badly. */
export const HOSTILE: readonly Scenario[] = [
  ...ENDLESS_KINDS.map((kind) =>
    scenario(`endless: ${kind}`, 200, { kind, count: 300, atOnce: 20, type: ENOUGH[kind] }),
  ),
  scenario('drip', 100, { kind: 'drip', count: 500, atOnce: 250, type: TotalTimeout }),
  scenario('certificate failures', 200, {
    kind: 'untrusted',
    count: 2000,
    atOnce: 20,
    type: ConnectError,
  }),
]
