import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from './process.ts'

const demo = fileURLToPath(new URL('../../docs/demo.js', import.meta.url))

test('the tour runs without errors', async () => {
  const { code, stdout, stderr } = await runNode(demo, ['--quick'])
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const titles = [...stdout.matchAll(/^\d+\. (.+)$/gm)].map(([, title]) => title)
  assert.deepEqual(titles, [
    'The client',
    'Errors',
    'The engine: a handler',
    'The engine: promises',
    'A pool with two connections',
    'TLS',
    'Aborts and broken responses',
    'Connection events',
    'Speed',
  ])
  assert.match(stdout, /early hint: <\/style\.css>; rel=preload; as=style/)
  assert.match(stdout, /trailers: Headers \{ 'lines': '2' \}/)
  assert.match(stdout, /a resumed session/)
  assert.match(stdout, /^ +pool\.dispatch +[\d,]+ +[\d.]+ us +[\d.]+x$/m)
  assert.match(stdout, /so the process exits now\.\n$/)
  assert.ok(!stdout.includes('\x1b'), 'no colours without a terminal')
})

test('fetches a URL', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain')
    response.end(`ahoy\n\x1b[2Jsecond\n${'more\n'.repeat(30)}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { code, stdout, stderr } = await runNode(demo, [url])
  server.close()
  assert.equal(stderr, '')
  assert.equal(code, 0)
  assert.match(stdout, /^HTTP\/1\.1 200 OK\ncontent-type: text\/plain\n/)
  assert.match(stdout, /\n\nahoy\n�\[2Jsecond\nmore\n/)
  assert.match(stdout, /\n\(33 lines in total\)\n166 bytes in \d+ ms\n$/)

  const gone = await runNode(demo, [url])
  assert.equal(gone.code, 1)
  assert.equal(gone.stdout, '')
  assert.match(gone.stderr, /^ConnectError: Could not connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
})

test('reports invalid arguments', async () => {
  const bad = await runNode(demo, ['example.com'])
  assert.equal(bad.code, 1)
  assert.equal(
    bad.stderr,
    'InvalidURL: Invalid URL example.com: expected an absolute URL with a valid host and port\n',
  )
  const many = await runNode(demo, ['http://a', 'http://b'])
  assert.equal(many.code, 1)
  assert.match(many.stderr, /Expected at most one argument, got 2\nUsage:\n {2}npm run demo /)
})
