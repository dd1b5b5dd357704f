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
    forwardProxy: origin,
    tunnelProxy: origin,
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
  test(`${name} reads bodies as a whole and as a stream, and sends bodies`, async () => {
    const { open } = await contestants[name]()
    const variants: Partial<Job>[] = [
      {},
      { reading: 'stream' },
      { method: 'POST', requestBytes: 1024 },
    ]
    for (const changes of variants) {
      const contestant = await open(job(changes))
      await contestant.run(10, 4)
      await Promise.all([contestant.run(1, 1), contestant.run(1, 1)])
      await contestant.close()
    }
  })

  test(`${name} fails if a response has the wrong length`, async () => {
    const { open } = await contestants[name]()
    const contestant = await open(job({ responseBytes: 66 }))
    await assert.rejects(
      contestant.run(1, 1),
      /\/65b: got status 200 and 65 bytes, expected 200 and 66 bytes/,
    )
    await contestant.close()
  })
}

test('the contestant fetch rejects TLS, because it has no option for a trusted certificate', async () => {
  const { open } = await contestants.fetch()
  await assert.rejects(open(job({ tls: true })), /no option for a trusted certificate/)
})
