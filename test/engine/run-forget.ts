import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { certificateFor } from '../support/certificates.ts'
import { httpProxy } from '../support/proxies.ts'
import type { Face, Outcomes, Settings } from './forget.ts'

const BODY = Buffer.alloc(1 << 20)
const certificate = certificateFor(['127.0.0.1'])

/** Starts a server that responds with 1 MB to each request. */
async function startServer(t: TestContext, scheme: 'http' | 'https'): Promise<string> {
  const server =
    scheme === 'https'
      ? createHttpsServer(certificate, (_, response) => response.end(BODY))
      : createServer((_, response) => response.end(BODY))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** The ways to the server: TLS, and through a proxy. */
export interface Way {
  readonly scheme: 'http' | 'https'
  readonly isTunnelled: boolean
}

/** Runs `forget.ts` in a new process until it ends. Fails if it does not end by itself. */
export async function runForget(
  t: TestContext,
  settings: Omit<Settings, 'url' | 'ca' | 'proxy'>,
  { scheme, isTunnelled }: Way = { scheme: 'http', isTunnelled: false },
): Promise<Record<Face, Outcomes>> {
  const url = await startServer(t, scheme)
  const proxy = isTunnelled ? (await httpProxy(t)).url : null
  const ca = scheme === 'https' ? certificate.cert : null
  const program = fileURLToPath(new URL('forget.js', import.meta.url))
  const permissions = 'Deno' in globalThis ? ['run', '--allow-all'] : []
  const argument = JSON.stringify({ ...settings, url, ca, proxy })
  const child = spawn(process.execPath, [...permissions, program, argument], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = await ended
  assert.deepEqual({ errors, status }, { errors: '', status: 0 })
  return JSON.parse(output) as Record<Face, Outcomes>
}

/**
 * Checks the outcomes of `count` calls with each face that uses connections, with this limit. The
 * connections of forgotten responses may be freed by a garbage collection, but for `dispatch`.
 */
export function checkOutcomes(
  { fetch, request, stream, dispatch }: Record<Face, Outcomes>,
  count: number,
  limit: number,
): void {
  assert.deepEqual(fetch, { forgotten: count, PoolTimeout: 0 })
  assert.deepEqual(dispatch, { forgotten: limit, PoolTimeout: count - limit })
  for (const { forgotten, PoolTimeout } of [request, stream]) {
    assert.equal(forgotten + PoolTimeout, count)
    assert.ok(forgotten >= limit, `${forgotten}`)
  }
}

/** The same count for each face that uses connections. */
export function remote(count: number): Settings['counts'] {
  return { fetch: count, request: count, stream: count, dispatch: count }
}
