import assert from 'node:assert/strict'
import {
  Client,
  ConnectError,
  RemoteProtocolError,
  ResponseTooLarge,
  TotalTimeout,
} from '../../src/index.ts'
import type { Scenario, ScenarioContext } from './scenario.ts'
import type { EndlessKind, ServerKind } from './servers.ts'
import { ENDLESS_KINDS } from './servers.ts'

type ErrorType = abstract new (...args: never[]) => Error

const MAX_RESPONSE_SIZE = 1024 * 1024
const DRIP_TOTAL = 500
/** Longer than any other bound, so that a missing bound fails the test and does not hang it. */
const ENDLESS_TOTAL = 10_000

/** The error when the client gives up. */
const EXPECTED_ERRORS: Readonly<Record<EndlessKind, ErrorType>> = {
  headers: RemoteProtocolError,
  informational: RemoteProtocolError,
  chunks: ResponseTooLarge,
  'chunk extensions': RemoteProtocolError,
  trailers: RemoteProtocolError,
  'until close': ResponseTooLarge,
  'empty lines': RemoteProtocolError,
}

/** Makes `count` calls, `atOnce` of them in parallel. Each must fail with an error of `type`. */
async function assertAllFail(
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

/** A scenario in which a client calls one kind of server repeatedly. */
function scenario(
  name: string,
  memory: number,
  {
    kind,
    count,
    atOnce,
    type,
  }: { kind: ServerKind; count: number; atOnce: number; type: ErrorType },
): Scenario {
  return {
    name,
    memory,
    async round({ ports, scale }: ScenarioContext) {
      const scheme = kind === 'untrusted' ? 'https' : 'http'
      const total = kind === 'drip' ? DRIP_TOTAL : ENDLESS_TOTAL
      const options = { trustEnv: false, maxResponseSize: MAX_RESPONSE_SIZE, timeout: { total } }
      const client = new Client(options)
      const calls = Math.max(atOnce, Math.round(count * scale))
      try {
        await assertAllFail(client, `${scheme}://127.0.0.1:${ports[kind]}/`, calls, atOnce, type)
      } finally {
        await client.close()
      }
      return `${calls} calls ended with ${type.name}`
    },
  }
}

/** Scenarios with broken and hostile servers. */
export const HOSTILE_SERVERS: readonly Scenario[] = [
  ...ENDLESS_KINDS.map((kind) =>
    scenario(`endless: ${kind}`, 200, {
      kind,
      count: 300,
      atOnce: 20,
      type: EXPECTED_ERRORS[kind],
    }),
  ),
  scenario('drip', 100, { kind: 'drip', count: 500, atOnce: 250, type: TotalTimeout }),
  scenario('certificate failures', 200, {
    kind: 'untrusted',
    count: 2000,
    atOnce: 20,
    type: ConnectError,
  }),
]
