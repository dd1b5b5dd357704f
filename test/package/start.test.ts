import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Start } from '../../bench/start/child.ts'
import { contestants } from '../../bench/start/contestants.ts'
import { runNode } from '../docs/process.ts'

const child = fileURLToPath(new URL('../../bench/start/child.js', import.meta.url))

test('every client of bench:start loads and receives its response', async (t) => {
  const seen: (string | undefined)[] = []
  const server = createServer(({ headers }, response) => {
    seen.push(headers['user-agent'])
    response.end('ahoy')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  for (const name of Object.keys(contestants)) {
    const { code, stdout, stderr } = await runNode(child, [name, url])
    assert.deepEqual([code, stderr], [0, ''], name)
    const start = JSON.parse(stdout) as Start
    assert.ok(start.import > 0 && start.response > start.import, stdout)
    assert.ok(start.responseCpu >= start.importCpu, stdout)
  }
  assert.equal(seen.length, Object.keys(contestants).length)
})
