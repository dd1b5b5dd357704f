import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { httpServer } from '../engine/servers.ts'
import { folder, onTerminal, run, start } from './world.ts'

const content = randomBytes(300_000)

interface Behaviour {
  /** After how many bytes each answer is cut; it is whole where there is none. */
  readonly cuts?: number[]
  readonly etag?: string
  readonly fields?: Record<string, string>
  /** Whether Range is heard. */
  readonly ranges?: boolean
}

/** A server of one file, and what it was asked for. */
async function serve(t: TestContext, behaviour: Behaviour = {}) {
  const { cuts = [], etag = '"v1"', fields = {}, ranges = true } = behaviour
  const asked: (string | undefined)[] = []
  const state = { content, etag }
  const { origin } = await httpServer(t, (request, response) => {
    const { range, 'if-range': ifRange } = request.headers
    asked.push(range)
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
    if (state.etag !== '') response.setHeader('etag', state.etag)
    const from = ranges && ifRange === state.etag ? Number(/\d+/.exec(range ?? '0')) : 0
    const { length } = state.content
    if (from >= length) {
      return response.writeHead(416, { 'content-range': `bytes */${length}` }).end()
    }
    const head = from > 0 ? { 'content-range': `bytes ${from}-${length - 1}/${length}` } : {}
    response.writeHead(from > 0 ? 206 : 200, { ...head, 'content-length': length - from })
    send(response, state.content.subarray(from), cuts.shift())
  })
  return { url: `${origin}/file`, asked, state }
}

function send(response: ServerResponse, bytes: Uint8Array, cut?: number): void {
  if (cut === undefined) return void response.end(bytes)
  response.write(bytes.subarray(0, cut), () => response.destroy())
}

/** Below a second: figures of time and rate differ. */
const steady = (line: string) => line.replace(/ in .+\/s\n$/, ' in TIME\n')

function sameFile(path: string): void {
  assert.ok(readFileSync(path).equals(content), `${path} is not what was served`)
  assert.ok(!existsSync(`${path}.part`) && !existsSync(`${path}.part.json`), 'nothing is left over')
}

describe('--download', () => {
  test('saves the body, and says so', async (t) => {
    const { url, asked } = await serve(t)
    const path = join(folder(t), 'x.bin')
    const { code, stdout, stderr } = await run([url, '--download', path])
    sameFile(path)
    assert.equal(stdout.length, 0)
    assert.equal(steady(stderr), `${path}: 300 kB in TIME\n`)
    assert.equal(code, 0)
    assert.deepEqual(asked, [undefined])
  })

  test('follows redirects, and replaces what was there', async (t) => {
    const { url } = await serve(t)
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(302, { location: url }).end()
    })
    const path = join(folder(t), 'x.bin')
    writeFileSync(path, 'old')
    assert.equal((await onTerminal([origin, '--download', path])).code, 0)
    sameFile(path)
    const { code, stderr } = await onTerminal([origin, '--download', path, '--no-follow'])
    assert.match(stderr, /^hawser: 302 Found from/)
    assert.equal(code, 17)
  })

  test('goes on by itself after cuts', async (t) => {
    const { url, asked } = await serve(t, { cuts: [100_000, 50_000] })
    const path = join(folder(t), 'x.bin')
    const { code, stderr } = await run([url, '--download', path])
    sameFile(path)
    assert.deepEqual(asked, [undefined, 'bytes=100000-', 'bytes=150000-'])
    const [first, second] = stderr.split('\n')
    assert.match(first!, /^Cut at 100 kB: .*200000 bytes before the end of the body/)
    assert.equal(second, 'Going on at 100 kB')
    assert.equal(code, 0)
  })

  test('goes on where an earlier call was stopped', async (t) => {
    let answered = 0
    const { origin } = await httpServer(t, (request, response) => {
      answered++
      response.setHeader('etag', '"v1"')
      if (request.headers.range === undefined) {
        response.setHeader('content-length', content.length)
        return void response.write(content.subarray(0, 100_000))
      }
      const from = Number(/\d+/.exec(request.headers.range))
      const range = `bytes ${from}-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content.subarray(from))
    })
    const path = join(folder(t), 'x.bin')
    const child = start([origin, '--download', path, '--timeout', '60'])
    const errors = text(child.stderr)
    while (!existsSync(`${path}.part`) || readFileSync(`${path}.part`).length < 100_000) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(
      await errors,
      `hawser: Stopped\n100 kB are kept in ${path}.part: the same command goes on from there.\n`,
    )
    assert.equal(code, 130)
    assert.ok(!existsSync(path))

    const again = await run([origin, '--download', path])
    assert.equal(steady(again.stderr), `Going on at 100 kB\n${path}: 300 kB in TIME\n`)
    sameFile(path)
    assert.equal(answered, 2)
  })

  test('a part that is all there already', async (t) => {
    const { url } = await serve(t)
    const path = join(folder(t), 'x.bin')
    leave(path, url, content)
    const { code } = await run([url, '--download', path])
    sameFile(path)
    assert.equal(code, 0)
  })

  test('begins again for other params, and keeps no secret of the URL', async (t) => {
    const { url, asked } = await serve(t, { cuts: [1000, 0, 0, 0, 2000, 0, 0, 0] })
    const path = join(folder(t), 'x.bin')
    const secret = url.replace('//', '//ada:secret@')
    await run([secret, '-p', 'page', '1', '--download', path])
    assert.ok(!readFileSync(`${path}.part.json`, 'utf8').includes('secret'))
    asked.length = 0
    await run([secret, '-p', 'page', '2', '--download', path])
    assert.equal(asked[0], undefined)
    asked.length = 0
    await run([secret, '-p', 'page', '2', '--download', path])
    assert.deepEqual(asked, ['bytes=2000-'])
  })

  test('a Range of your own is what is asked for', async (t) => {
    const { url, asked } = await serve(t)
    const path = join(folder(t), 'x.bin')
    leave(path, url, content.subarray(0, 1000))
    await run([url, '-h', 'Range', 'bytes=5-', '--download', path])
    assert.deepEqual(asked, ['bytes=5-'])
  })

  const restarts: [name: string, behaviour: Behaviour, part: (url: string) => Part][] = [
    ['a file that has changed meanwhile', { etag: '"v2"' }, (url) => [url]],
    ['a server without ranges', { ranges: false }, (url) => [url]],
    ['a part of another URL', {}, (url) => [`${url}-other`]],
    ['a part that is too large', {}, (url) => [url, '"v1"', Buffer.alloc(400_000)]],
  ]
  type Part = [url: string, validator?: string, bytes?: Uint8Array]
  for (const [name, behaviour, part] of restarts) {
    test(`begins again for ${name}`, async (t) => {
      const { url } = await serve(t, behaviour)
      const path = join(folder(t), 'x.bin')
      const [of, validator = '"v1"', bytes = Buffer.alloc(1000, 'x')] = part(url)
      leave(path, of, bytes, validator)
      const { code } = await run([url, '--download', path])
      sameFile(path)
      assert.equal(code, 0)
    })
  }

  test('begins again for a server that honours Range and not If-Range', async (t) => {
    const { origin } = await httpServer(t, (request: IncomingMessage, response) => {
      response.setHeader('etag', '"v2"')
      const from = Number(/\d+/.exec(request.headers.range ?? '0'))
      if (from === 0) return response.end(content)
      const range = `bytes ${from}-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content.subarray(from))
    })
    const path = join(folder(t), 'x.bin')
    leave(path, origin, Buffer.alloc(1000, 'x'))
    assert.equal((await run([origin, '--download', path])).code, 0)
    sameFile(path)
  })

  test('begins again where other bytes come than were asked for', async (t) => {
    const { origin } = await httpServer(t, (request: IncomingMessage, response) => {
      response.setHeader('etag', '"v1"')
      if (request.headers.range === undefined) return response.end(content)
      const range = `bytes 0-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content)
    })
    const path = join(folder(t), 'x.bin')
    leave(path, origin, content.subarray(0, 1000))
    assert.equal((await run([origin, '--download', path])).code, 0)
    sameFile(path)
  })

  const lost: [name: string, behaviour: Behaviour][] = [
    ['nothing to know it by', { etag: '' }],
    ['a weak ETag', { etag: 'W/"v1"' }],
    ['Accept-Ranges: none', { fields: { 'accept-ranges': 'none' } }],
  ]
  for (const [name, behaviour] of lost) {
    test(`a cut with ${name} is an error, and leaves nothing`, async (t) => {
      const { url } = await serve(t, { ...behaviour, cuts: [100_000] })
      const where = folder(t)
      const { code, stderr } = await run([url, '--download', join(where, 'x.bin')])
      assert.match(stderr, /^hawser: .*before the end of the body.*\n$/)
      assert.equal(code, 14)
      assert.deepEqual(readdirSync(where), [])
    })
  }

  test('gives up where it does not get on', async (t) => {
    const { url, asked } = await serve(t, { cuts: [100_000, 0, 0, 0, 0, 0, 0, 0] })
    const path = join(folder(t), 'x.bin')
    const { code, stderr } = await run([url, '--download', path])
    assert.match(
      stderr,
      /\n100 kB are kept in .+x\.bin\.part: the same command goes on from there\.\n$/,
    )
    assert.equal(code, 14)
    assert.equal(asked.length, 4)
  })

  test('a folder is not written over', async (t) => {
    const { url } = await serve(t)
    const { code, stderr } = await run([url, '--download', folder(t)])
    assert.match(stderr, /it is a folder/)
    assert.equal(code, 18)
  })

  test('on a terminal there is a bar, which is gone at the end', async (t) => {
    const { url } = await serve(t)
    const path = join(folder(t), 'x.bin')
    const { stdout, stderr } = await onTerminal([url, '--download', path])
    assert.equal(stdout, '')
    assert.ok(stderr.includes('  0% ───'), JSON.stringify(stderr))
    assert.match(stderr, /100% ━+ {2}300 kB of 300 kB/)
    const cleared = stderr.lastIndexOf('\x1b[2K')
    assert.equal(steady(stderr.slice(cleared + 4)), `${path}: 300 kB in TIME\n`)
    assert.ok(
      stderr.lastIndexOf('\x1b[?25h') > stderr.lastIndexOf('\x1b[?25l'),
      'the cursor is back',
    )
  })
})

type Bytes = Uint8Array

function fingerprintOf(url: string): string {
  return createHash('sha256')
    .update(JSON.stringify([url, []]))
    .digest('hex')
}

function leave(path: string, url: string, bytes: Bytes, validator = '"v1"'): void {
  writeFileSync(`${path}.part`, bytes)
  writeFileSync(
    `${path}.part.json`,
    JSON.stringify({ fingerprint: fingerprintOf(url), validator, total: content.length }),
  )
}
