// An error message tells what failed, where, after how long and why, and contains no secret of the
// URL.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { RequestError } from '../../src/engine.ts'
import { PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

interface Failure {
  readonly options?: PoolOptions
  readonly request?: Partial<DispatchRequest>
  /** Runs before the request. */
  readonly before?: (harness: PoolHarness) => unknown
  /** Runs after the request was sent, and makes it fail. */
  readonly cause?: (harness: PoolHarness) => unknown
  readonly name: string
  /** Matches the error message. */
  readonly message: RegExp
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:80'), {
  code: 'ECONNREFUSED',
})

const failures: Record<string, Failure> = {
  'an unknown host name': {
    before: ({ backend }) => backend.hosts.set('h.test', new Error('ENOTFOUND h.test')),
    name: 'ConnectError',
    message: /^Could not resolve h\.test: ENOTFOUND/,
  },
  'a refused connection': {
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    cause: ({ socket }) => socket.reset(refused),
    name: 'ConnectError',
    message: /^Could not connect to h\.test \(127\.0\.0\.1\): connect ECONNREFUSED/,
  },
  'a failed TLS handshake': {
    request: { origin: 'https://h.test' },
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    cause: ({ socket }) => {
      socket.connected()
      socket.reset(new Error('self-signed certificate'))
    },
    name: 'ConnectError',
    message: /^TLS handshake with h\.test \(127\.0\.0\.1\) failed: self-signed certificate/,
  },
  'a connect timeout': {
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    cause: ({ clock }) => clock.advance(5000),
    name: 'ConnectTimeout',
    message: /^Could not connect to h\.test within 5000 ms: timed out in phase tcp/,
  },
  'a full pool': {
    options: { limits: { maxConnections: 1 }, timeouts: { read: null } },
    before: (harness) => harness.send({ path: '/busy' }),
    cause: ({ clock }) => clock.advance(5000),
    name: 'PoolTimeout',
    message: /^No connection became available within 5000 ms: .*maxConnections 1/,
  },
  'no response': {
    cause: ({ clock }) => clock.advance(5000),
    name: 'ReadTimeout',
    message: /^No response received for 5000 ms/,
  },
  'an incomplete response': {
    cause: async ({ socket, clock }) => {
      socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      await clock.advance(5000)
    },
    name: 'ReadTimeout',
    message: /^The response stalled: no data received for 5000 ms/,
  },
  'a socket that accepts no data': {
    request: { method: 'POST', body: Buffer.alloc(1 << 20) },
    before: async (harness) => (await harness.openIdleConnection()).block(),
    cause: ({ clock }) => clock.advance(5000),
    name: 'WriteTimeout',
    message:
      /^Could not send the request: the connection accepted no data for 5000 ms, and \d+ bytes are pending/,
  },
  'a response that is not HTTP': {
    cause: ({ socket }) => socket.receive('SSH-2.0\r\n'),
    name: 'RemoteProtocolError',
    message: /^The server's response is not valid: it does not begin with HTTP/,
  },
  'a connection that ends without a response': {
    cause: ({ socket }) => socket.receiveEnd(),
    name: 'RemoteProtocolError',
    message: /the connection ended without a response/,
  },
  'a reset connection': {
    cause: ({ socket }) => socket.reset(new Error('read ECONNRESET')),
    name: 'ReadError',
    message: /^Could not read the response: read ECONNRESET/,
  },
  'a total timeout': {
    options: { timeouts: { total: 100 } },
    cause: ({ clock }) => clock.advance(100),
    name: 'TotalTimeout',
    message: /^The request did not complete within 100 ms/,
  },
}

for (const [title, { options, request, before, cause, name, message }] of Object.entries(
  failures,
)) {
  test(`18 ${title}: the message tells what, where, how long and why, and no secret`, async () => {
    const harness = new PoolHarness(options)
    await before?.(harness)
    const call = await harness.send({ path: '/path?token=SECRET', ...request })
    await cause?.(harness)
    await settle()
    const { error } = call
    assert.ok(error instanceof RequestError, String(error))
    assert.equal(error.name, name)
    assert.match(error.message, message)
    const { method = 'GET', origin = 'http://h.test' } = request ?? {}
    assert.ok(error.message.includes(`(${method} ${origin}/path?…, after `), error.message)
    assert.match(error.message, /, after \d+ ms\)/)
    assert.doesNotMatch(error.message, /SECRET/)
    await harness.pool.close()
  })
}
