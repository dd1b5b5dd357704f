// Tests against a real nginx.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { freePort, isInstalled, startServer, stopServer } from './server-process.ts'

const LARGE = Buffer.from('0123456789abcdef'.repeat(1 << 16))

function configuration(port: number): string {
  return `
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temp;`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    root .;
    location = /hello { add_header X-Twice one; add_header X-Twice two; return 200 "hello"; }
    location = /few { keepalive_requests 2; return 200 "few"; }
    location = /hint { keepalive_timeout 60s 30s; return 200 "hint"; }
    location = /nothing { return 204; }
    location = /moved { return 301 /hello; }
    location = /too-much { client_max_body_size 10; return 200 "never"; }
    location = /chunked { ssi on; ssi_types *; try_files /chunked.txt =404; }
  }
}`
}

if (isInstalled('nginx')) {
  describe('nginx', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hawser-nginx-'))
    let child: ChildProcess
    let origin = ''
    let pool: ConnectionPool
    const closes: string[] = []

    before(async () => {
      const port = await freePort()
      origin = `http://127.0.0.1:${port}`
      writeFileSync(join(folder, 'nginx.conf'), configuration(port))
      writeFileSync(join(folder, 'large'), LARGE)
      writeFileSync(join(folder, 'chunked.txt'), `<!--# echo var="uri" -->${'x'.repeat(100_000)}`)
      const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
      child = await startServer('nginx', args, port)
      pool = new ConnectionPool({
        trace: (event, info) => {
          if (event === 'connection:close') closes.push((info as { reason: string }).reason)
        },
      })
    })

    after(async () => {
      await pool.close()
      await stopServer(child)
      rmSync(folder, { recursive: true, force: true })
    })

    test('small responses with repeated fields, on one connection', async () => {
      for (let i = 0; i < 5; i++) {
        const response = await pool.request({ origin, path: '/hello' })
        assert.equal(response.status, 200)
        assert.deepEqual(response.headers.getAll('x-twice'), ['one', 'two'])
        assert.equal(await response.text(), 'hello')
      }
      assert.equal(pool.stats().connections, 1)
    })

    test('a megabyte: at once, as a stream, and as a range', async () => {
      const whole = await (await pool.request({ origin, path: '/large' })).bytes()
      assert.ok(LARGE.equals(whole))
      const pieces: Uint8Array[] = []
      for await (const piece of await pool.request({ origin, path: '/large' })) pieces.push(piece)
      assert.ok(LARGE.equals(Buffer.concat(pieces)))
      const headers = ['range', 'bytes=16-31']
      const part = await pool.request({ origin, path: '/large', headers })
      assert.equal(part.status, 206)
      assert.equal(await part.text(), '0123456789abcdef')
    })

    test('a chunked response', async () => {
      const response = await pool.request({ origin, path: '/chunked' })
      assert.equal(response.headers.get('transfer-encoding'), 'chunked')
      assert.equal(await response.text(), `/chunked.txt${'x'.repeat(100_000)}`)
    })

    test('HEAD, 204, 301 and 404 leave the connection usable', async () => {
      const opened = pool.stats().connections
      for (const [method, path, status] of [
        ['HEAD', '/large', 200],
        ['GET', '/nothing', 204],
        ['GET', '/moved', 301],
        ['GET', '/none', 404],
      ] as const) {
        const response = await pool.request({ origin, method, path })
        assert.equal(response.status, status)
        await response.bytes()
      }
      assert.equal(pool.stats().connections, opened)
    })

    test('a connection that the server announces to close is not reused', async () => {
      closes.length = 0
      for (let i = 0; i < 4; i++) {
        assert.equal(await (await pool.request({ origin, path: '/few' })).text(), 'few')
      }
      assert.ok(closes.includes('server-close'), closes.join())
    })

    test('a Keep-Alive hint is accepted', async () => {
      const response = await pool.request({ origin, path: '/hint' })
      assert.equal(response.headers.get('keep-alive'), 'timeout=30')
      assert.equal(await response.text(), 'hint')
    })

    test('a 413 during an upload of a megabyte', async () => {
      const response = await pool.request({
        origin,
        method: 'POST',
        path: '/too-much',
        body: LARGE,
      })
      assert.equal(response.status, 413)
      await response.bytes()
      assert.equal(await (await pool.request({ origin, path: '/hello' })).text(), 'hello')
    })

    test('the client sends 100 requests at once over 7 connections', async () => {
      const client = new Client({ poolLimits: { maxConnections: 7 } })
      const get = async () => (await client.get(`${origin}/hello`)).text()
      const texts = await Promise.all(Array.from({ length: 100 }, get))
      assert.deepEqual(new Set(texts), new Set(['hello']))
      await client.close()
    })

    test('the pool is empty at the end', () => pool.assertQuiescent())
  })
}
