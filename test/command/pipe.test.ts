import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { httpServer } from '../engine/servers.ts'
import { mainPath, runInPipe, spawnCommand } from './run-command.ts'

describe('in a pipe', () => {
  test('the body is written byte for byte', async (t) => {
    const content = randomBytes(3_000_000)
    const { origin } = await httpServer(t, (_, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end(content)
    })
    const { code, stdout, stderr } = await runInPipe([origin])
    assert.ok(stdout.equals(content))
    assert.equal(stderr, '')
    assert.equal(code, 0)
  })

  test('the body is decoded', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('{"a":1}'))
    })
    assert.equal((await runInPipe([origin])).stdout.toString(), '{"a":1}')
  })

  test('a slow reader slows the server down', async (t) => {
    let sent = 0
    const { origin } = await httpServer(t, (_, response) => {
      const chunk = Buffer.alloc(65_536)
      const writeMore = () => {
        while (sent < 200 * 65_536) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', writeMore)
        }
        response.end()
      }
      writeMore()
    })
    const child = spawnCommand([origin])
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'readable')
    // Without a reader, the server can only fill the buffers of sockets and pipes.
    for (let before = -1; before !== sent; ) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.ok(sent < 200 * 65_536, `the server sent all ${sent} bytes`)
  })

  test('a closed output ends the command silently', async (t) => {
    let onClose!: () => void
    const closed = new Promise<void>((resolve) => {
      onClose = resolve
    })
    const { origin } = await httpServer(t, (_, response) => {
      const writeMore = () => {
        while (response.write('a line\n'.repeat(1000)));
        response.once('drain', writeMore)
      }
      response.on('close', onClose)
      writeMore()
    })
    const child = spawnCommand([origin])
    const errors = text(child.stderr)
    await once(child.stdout, 'readable')
    child.stdout.destroy()
    const [code] = await once(child, 'close')
    assert.equal(await errors, '')
    assert.equal(code, 0)
    await closed
  })

  test('a full disk is an error', { skip: !existsSync('/dev/full') }, async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('ahoy'))
    const full = openSync('/dev/full', 'w')
    t.after(() => closeSync(full))
    const child = spawn(process.execPath, [mainPath, origin], { stdio: ['ignore', full, 'pipe'] })
    assert.equal(
      await text(child.stderr!),
      'hawser: Could not write the output: the disk is full\n',
    )
    const code = child.exitCode ?? (await once(child, 'close'))[0]
    assert.equal(code, 18)
  })

  test('an error status is reported, and the body is written', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(503).end('busy')
    })
    const { code, stdout, stderr } = await runInPipe([`${origin}/x?token=abc`])
    assert.equal(stdout.toString(), 'busy')
    assert.equal(stderr, `hawser: 503 Service Unavailable from ${origin}/x?…\n`)
    assert.equal(code, 5)
  })
})

describe('Ctrl-C', () => {
  test('ends the command with one line', async (t) => {
    const { origin, server } = await httpServer(t, () => {})
    const child = spawnCommand([origin, '--timeout', '60'])
    const errors = text(child.stderr)
    await once(server, 'request')
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(await errors, 'hawser: Interrupted\n')
    assert.equal(code, 130)
  })

  test('works while stdin is sent', async (t) => {
    const { origin, server } = await httpServer(t, () => {})
    const child = spawnCommand([origin, '--content', '-', '--timeout', '60'])
    child.stdin.on('error', () => {})
    child.stdin.write('a part')
    await once(server, 'request')
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(code, 130)
  })
})

test('main.js begins with a hashbang', () => {
  assert.match(readFileSync(mainPath, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})
