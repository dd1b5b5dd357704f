// An error says what failed, where, after how long and why, and never a secret of the URL.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { RequestError } from '../../src/engine.ts'
import { settle } from '../support/scripted-clock.ts'
import { Stage } from '../support/stage.ts'

interface Trouble {
  readonly options?: PoolOptions
  readonly request?: Partial<DispatchRequest>
  /** Before the request. */
  readonly before?: (stage: Stage) => unknown
  /** After it. */
  readonly happens?: (stage: Stage) => unknown
  readonly name: string
  /** What the message says beside the request. */
  readonly says: RegExp
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:80'), {
  code: 'ECONNREFUSED',
})

const troubles: Record<string, Trouble> = {
  'a name that is not there': {
    before: ({ backend }) => backend.hosts.set('h.test', new Error('ENOTFOUND h.test')),
    name: 'ConnectError',
    says: /^Could not resolve h\.test: ENOTFOUND/,
  },
  'nobody there': {
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    happens: ({ socket }) => socket.reset(refused),
    name: 'ConnectError',
    says: /^Could not connect to h\.test \(127\.0\.0\.1\): connect ECONNREFUSED/,
  },
  'no handshake': {
    request: { origin: 'https://h.test' },
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    happens: ({ socket }) => {
      socket.connected()
      socket.reset(new Error('self-signed certificate'))
    },
    name: 'ConnectError',
    says: /^TLS handshake with h\.test \(127\.0\.0\.1\) failed: self-signed certificate/,
  },
  'a connection too late': {
    before: ({ backend }) => {
      backend.autoConnect = false
    },
    happens: ({ clock }) => clock.advance(5000),
    name: 'ConnectTimeout',
    says: /^Could not connect to h\.test within 5000 ms, phase tcp/,
  },
  'no place in the pool': {
    options: { limits: { maxConnections: 1 }, timeouts: { read: null } },
    before: (stage) => stage.send({ path: '/busy' }),
    happens: ({ clock }) => clock.advance(5000),
    name: 'PoolTimeout',
    says: /^No connection became available within 5000 ms: .*maxConnections 1/,
  },
  'no answer': {
    happens: ({ clock }) => clock.advance(5000),
    name: 'ReadTimeout',
    says: /^No response received for 5000 ms/,
  },
  'half an answer': {
    happens: async ({ socket, clock }) => {
      socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      await clock.advance(5000)
    },
    name: 'ReadTimeout',
    says: /^The response stalled: no data received for 5000 ms/,
  },
  'a socket that takes nothing': {
    request: { method: 'POST', body: Buffer.alloc(1 << 20) },
    before: async (stage) => (await stage.warm()).block(),
    happens: ({ clock }) => clock.advance(5000),
    name: 'WriteTimeout',
    says: /^Sending stalled: no data accepted for 5000 ms, \d+ bytes pending/,
  },
  'no HTTP': {
    happens: ({ socket }) => socket.receive('SSH-2.0\r\n'),
    name: 'RemoteProtocolError',
    says: /^The server's response is not valid: it does not begin with HTTP/,
  },
  'an end too early': {
    happens: ({ socket }) => socket.receiveEnd(),
    name: 'RemoteProtocolError',
    says: /the connection ended without a response/,
  },
  'a reset': {
    happens: ({ socket }) => socket.reset(new Error('read ECONNRESET')),
    name: 'ReadError',
    says: /^Could not read the response: read ECONNRESET/,
  },
  'all of its time over': {
    options: { timeouts: { total: 100 } },
    happens: ({ clock }) => clock.advance(100),
    name: 'TotalTimeout',
    says: /^Not done within 100 ms/,
  },
}

for (const [what, { options, request, before, happens, name, says }] of Object.entries(troubles)) {
  test(`18 ${what}: what, where, how long and why, and no secret`, async () => {
    const stage = new Stage(options)
    await before?.(stage)
    const call = await stage.send({ path: '/path?token=SECRET', ...request })
    await happens?.(stage)
    await settle()
    const { error } = call
    assert.ok(error instanceof RequestError, String(error))
    assert.equal(error.name, name)
    assert.match(error.message, says)
    const { method = 'GET', origin = 'http://h.test' } = request ?? {}
    assert.ok(error.message.includes(`(${method} ${origin}/path?…, after `), error.message)
    assert.match(error.message, /, after \d+ ms\)/)
    assert.doesNotMatch(error.message, /SECRET/)
    await stage.pool.close()
  })
}
