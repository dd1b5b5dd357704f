import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Job } from '../../bench/contestants/contestant.ts'
import { contestants } from '../../bench/contestants/index.ts'

const server = http.createServer((request, response) => {
  request.resume().on('end', () => response.end('x'.repeat(65)))
})

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

after(() => {
  server.close()
  server.closeAllConnections()
})

function job(more: Partial<Job> = {}): Job {
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  return {
    origin,
    host: '127.0.0.1',
    port,
    tls: false,
    ca: '',
    forwarder: origin,
    tunnels: origin,
    uds: '',
    method: 'GET',
    path: '/65b',
    requestBytes: 0,
    responseBytes: 65,
    connections: 4,
    reading: 'whole',
    ...more,
  }
}

for (const name of ['fetch', 'hawser-fetch'] as const) {
  test(`${name} takes part: whole, as a stream, and with a body`, async () => {
    const { open } = await contestants[name]()
    const kinds: Partial<Job>[] = [
      {},
      { reading: 'stream' },
      { method: 'POST', requestBytes: 1024 },
    ]
    for (const kind of kinds) {
      const contestant = await open(job(kind))
      await contestant.run(10, 4)
      await Promise.all([contestant.run(1, 1), contestant.run(1, 1)])
      await contestant.close()
    }
  })

  test(`${name} does not take a wrong answer for a fast one`, async () => {
    const { open } = await contestants[name]()
    const contestant = await open(job({ responseBytes: 66 }))
    await assert.rejects(contestant.run(1, 1), /\/65b: 200, 65 B, and not 200, 66 B/)
    await contestant.close()
  })
}

test('the fetch of the runtime has no way to trust a certificate, and says so', async () => {
  const { open } = await contestants.fetch()
  await assert.rejects(open(job({ tls: true })), /no option for the certificate/)
})
