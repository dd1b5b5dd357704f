// A proxy that refuses a tunnel gets only one CONNECT: other clients repeated it endlessly after a
// 407.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyError } from '../../src/engine.ts'
import { assertEmpty, ScriptedPool, settle } from '../pool/scripted-pool.ts'

const refusals: Record<string, string> = {
  '407 that keeps the connection':
    'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n',
  '407 with Connection: close':
    'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nConnection: close\r\n\r\n',
  '302 to another proxy':
    'HTTP/1.1 302 No\r\nLocation: http://other.test/\r\nContent-Length: 0\r\n\r\n',
  '503 with Retry-After': 'HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n',
}

for (const [name, response] of Object.entries(refusals)) {
  test(`9 CONNECT is sent once: ${name}`, async () => {
    const pool = new ScriptedPool({ proxy: 'http://me:secret@proxy.test' })
    const call = await pool.send('https://a.test')
    pool.sockets[0]?.receive(response)
    await settle()
    await pool.backend.clock.advance(60_000)
    assert.ok(call.error instanceof ProxyError)
    const counts = pool.sockets.map(
      ({ written }) => written.split('CONNECT a.test:443 ').length - 1,
    )
    assert.deepEqual(counts, [1])
    await assertEmpty(pool)
  })
}
