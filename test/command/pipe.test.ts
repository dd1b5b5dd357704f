import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { httpServer } from '../engine/servers.ts'
import { main, run, start } from './world.ts'

describe('in a pipe', () => {
  test('the body comes out byte for byte', async (t) => {
    const content = randomBytes(3_000_000)
    const { origin } = await httpServer(t, (_, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end(content)
    })
    const { code, stdout, stderr } = await run([origin])
    assert.ok(stdout.equals(content))
    assert.equal(stderr, '')
    assert.equal(code, 0)
  })

  test('decoded', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('{"a":1}'))
    })
    assert.equal((await run([origin])).stdout.toString(), '{"a":1}')
  })

  test('a reader who is slow slows the server down', async (t) => {
    let sent = 0
    const { origin } = await httpServer(t, (_, response) => {
      const chunk = Buffer.alloc(65_536)
      const more = () => {
        while (sent < 200 * 65_536) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    const child = start([origin])
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'readable')
    // Nobody reads on: what is under way fits in the buffers of sockets and pipes.
    for (let before = -1; before !== sent; ) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.ok(sent < 200 * 65_536, `${sent} bytes were taken`)
  })

  test('a reader who leaves ends it quietly', async (t) => {
    let closed!: () => void
    const left = new Promise<void>((resolve) => {
      closed = resolve
    })
    const { origin } = await httpServer(t, (_, response) => {
      const more = () => {
        while (response.write('a line\n'.repeat(1000)));
        response.once('drain', more)
      }
      response.on('close', closed)
      more()
    })
    const child = start([origin])
    const errors = text(child.stderr)
    await once(child.stdout, 'readable')
    child.stdout.destroy()
    const [code] = await once(child, 'close')
    assert.equal(await errors, '')
    assert.equal(code, 0)
    await left
  })

  test('a disk that is full', { skip: !existsSync('/dev/full') }, async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('ahoy'))
    const full = openSync('/dev/full', 'w')
    t.after(() => closeSync(full))
    const child = spawn(process.execPath, [main, origin], { stdio: ['ignore', full, 'pipe'] })
    assert.equal(
      await text(child.stderr!),
      'hawser: The output cannot be written: the disk is full\n',
    )
    const code = child.exitCode ?? (await once(child, 'close'))[0]
    assert.equal(code, 18)
  })

  test('a status above 400 is told, and the body is there all the same', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(503).end('busy')
    })
    const { code, stdout, stderr } = await run([`${origin}/x?token=abc`])
    assert.equal(stdout.toString(), 'busy')
    assert.equal(stderr, `hawser: 503 Service Unavailable from ${origin}/x?…\n`)
    assert.equal(code, 5)
  })
})

describe('Ctrl-C', () => {
  test('ends it with one word', async (t) => {
    const { origin, server } = await httpServer(t, () => {})
    const child = start([origin, '--timeout', '60'])
    const errors = text(child.stderr)
    await once(server, 'request')
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(await errors, 'hawser: Stopped\n')
    assert.equal(code, 130)
  })

  test('while stdin is being sent', async (t) => {
    const { origin, server } = await httpServer(t, () => {})
    const child = start([origin, '--content', '-', '--timeout', '60'])
    child.stdin.on('error', () => {})
    child.stdin.write('a part')
    await once(server, 'request')
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(code, 130)
  })
})

test('the file says how it is run', () => {
  assert.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})
