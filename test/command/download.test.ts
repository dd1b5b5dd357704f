import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { httpServer } from '../engine/servers.ts'
import { runInProcess, runOnTerminal, spawnCommand, temporaryDirectory } from './run-command.ts'

const content = randomBytes(300_000)

interface Behaviour {
  /** After how many bytes each response is cut off. Later responses are complete. */
  readonly cuts?: number[]
  readonly etag?: string
  readonly fields?: Record<string, string>
  /** Whether the server supports Range. */
  readonly supportsRange?: boolean
}

/** Starts a server with one file. `ranges` collects the Range of each request. */
async function serve(t: TestContext, behaviour: Behaviour = {}) {
  const { cuts = [], etag = '"v1"', fields = {}, supportsRange = true } = behaviour
  const ranges: (string | undefined)[] = []
  const { origin } = await httpServer(t, (request, response) => {
    const { range, 'if-range': ifRange } = request.headers
    ranges.push(range)
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
    if (etag !== '') response.setHeader('etag', etag)
    const from = supportsRange && ifRange === etag ? Number(/\d+/.exec(range ?? '0')) : 0
    const { length } = content
    if (from >= length) {
      return response.writeHead(416, { 'content-range': `bytes */${length}` }).end()
    }
    const head = from > 0 ? { 'content-range': `bytes ${from}-${length - 1}/${length}` } : {}
    response.writeHead(from > 0 ? 206 : 200, { ...head, 'content-length': length - from })
    send(response, content.subarray(from), cuts.shift())
  })
  return { url: `${origin}/file`, ranges }
}

function send(response: ServerResponse, bytes: Uint8Array, cut?: number): void {
  if (cut === undefined) return void response.end(bytes)
  response.write(bytes.subarray(0, cut), () => response.destroy())
}

/** Replaces time and rate, which differ from run to run. */
const maskTimes = (line: string) => line.replace(/ in .+\/s\n$/, ' in TIME\n')

function assertComplete(path: string): void {
  assert.ok(readFileSync(path).equals(content), `${path} differs from the served file`)
  assert.ok(
    !existsSync(`${path}.part`) && !existsSync(`${path}.part.json`),
    'partial files are left',
  )
}

describe('--download', () => {
  test('saves the body, and reports it', async (t) => {
    const { url, ranges } = await serve(t)
    const path = join(temporaryDirectory(t), 'x.bin')
    const { code, stdout, stderr } = await runInProcess([url, '--download', path])
    assertComplete(path)
    assert.equal(stdout.length, 0)
    assert.equal(maskTimes(stderr), `${path}: 300 kB in TIME\n`)
    assert.equal(code, 0)
    assert.deepEqual(ranges, [undefined])
  })

  test('follows redirects, and replaces an existing file', async (t) => {
    const { url } = await serve(t)
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(302, { location: url }).end()
    })
    const path = join(temporaryDirectory(t), 'x.bin')
    writeFileSync(path, 'old')
    assert.equal((await runOnTerminal([origin, '--download', path])).code, 0)
    assertComplete(path)
    const { code, stderr } = await runOnTerminal([origin, '--download', path, '--no-follow'])
    assert.match(stderr, /^hawser: 302 Found from/)
    assert.equal(code, 17)
  })

  test('resumes after lost connections', async (t) => {
    const { url, ranges } = await serve(t, { cuts: [100_000, 50_000] })
    const path = join(temporaryDirectory(t), 'x.bin')
    const { code, stderr } = await runInProcess([url, '--download', path])
    assertComplete(path)
    assert.deepEqual(ranges, [undefined, 'bytes=100000-', 'bytes=150000-'])
    const [first, second] = stderr.split('\n')
    assert.match(first!, /^Transfer failed at 100 kB: .*200000 bytes before the end of the body/)
    assert.equal(second, 'Resuming at 100 kB')
    assert.equal(code, 0)
  })

  test('resumes an interrupted download', async (t) => {
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
    const path = join(temporaryDirectory(t), 'x.bin')
    const child = spawnCommand([origin, '--download', path, '--timeout', '60'])
    const errors = text(child.stderr)
    while (!existsSync(`${path}.part`) || readFileSync(`${path}.part`).length < 100_000) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    assert.equal(
      await errors,
      `hawser: Interrupted\nKept 100 kB in ${path}.part. Repeat the command to resume.\n`,
    )
    assert.equal(code, 130)
    assert.ok(!existsSync(path))

    const again = await runInProcess([origin, '--download', path])
    assert.equal(maskTimes(again.stderr), `Resuming at 100 kB\n${path}: 300 kB in TIME\n`)
    assertComplete(path)
    assert.equal(answered, 2)
  })

  test('finishes a complete .part file', async (t) => {
    const { url } = await serve(t)
    const path = join(temporaryDirectory(t), 'x.bin')
    writePart(path, url, content)
    const { code } = await runInProcess([url, '--download', path])
    assertComplete(path)
    assert.equal(code, 0)
  })

  test('95 starts over if a complete .part file has changed on the server since', async (t) => {
    const { origin } = await httpServer(t, (request: IncomingMessage, response) => {
      response.setHeader('etag', '"v2"')
      const from = Number(/\d+/.exec(request.headers.range ?? '0'))
      if (from === 0) return response.end(content)
      const { length } = content
      if (from === length) {
        return response.writeHead(416, { 'content-range': `bytes */${length}` }).end()
      }
      const range = `bytes ${from}-${length - 1}/${length}`
      response.writeHead(206, { 'content-range': range }).end(content.subarray(from))
    })
    const path = join(temporaryDirectory(t), 'x.bin')
    writePart(path, origin, Buffer.alloc(content.length, 'x'))
    assert.equal((await runInProcess([origin, '--download', path])).code, 0)
    assertComplete(path)
  })

  describe('95 on a system with users and modes', () => {
    if (process.getuid === undefined) return
    const modeOf = (path: string) => statSync(path).mode & 0o777

    test('95 FILE.part is private, and FILE has the mode of a new file', async (t) => {
      const { url } = await serve(t, { cuts: [1000, 0, 0, 0] })
      const path = join(temporaryDirectory(t), 'x.bin')
      await runInProcess([url, '--download', path])
      assert.deepEqual([modeOf(`${path}.part`), modeOf(`${path}.part.json`)], [0o600, 0o600])
      await runInProcess([url, '--download', path])
      assertComplete(path)
      assert.equal(modeOf(path), 0o666 & ~process.umask())
    })

    for (const suffix of ['.part', '.part.json']) {
      for (const mode of [0o620, 0o602]) {
        test(`95 FILE${suffix} with the mode ${mode.toString(8)} is not resumed`, async (t) => {
          const { url, ranges } = await serve(t)
          const path = join(temporaryDirectory(t), 'x.bin')
          writePart(path, url, Buffer.alloc(content.length, 'x'))
          chmodSync(`${path}${suffix}`, mode)
          await runInProcess([url, '--download', path])
          assertComplete(path)
          assert.deepEqual(ranges, [undefined])
        })
      }

      if (process.getuid?.() !== 0) continue // only root can create a file of another user
      test(`95 FILE${suffix} of another user is not resumed`, async (t) => {
        const { url, ranges } = await serve(t)
        const path = join(temporaryDirectory(t), 'x.bin')
        writePart(path, url, Buffer.alloc(content.length, 'x'))
        chownSync(`${path}${suffix}`, 65_534, 65_534)
        await runInProcess([url, '--download', path])
        assertComplete(path)
        assert.deepEqual(ranges, [undefined])
        assert.equal(statSync(path).uid, 0)
      })
    }
  })

  test('starts over for other params, and stores no secrets of the URL', async (t) => {
    const { url, ranges } = await serve(t, { cuts: [1000, 0, 0, 0, 2000, 0, 0, 0] })
    const path = join(temporaryDirectory(t), 'x.bin')
    const secretUrl = url.replace('//', '//ada:secret@')
    await runInProcess([secretUrl, '-p', 'page', '1', '--download', path])
    assert.ok(!readFileSync(`${path}.part.json`, 'utf8').includes('secret'))
    ranges.length = 0
    await runInProcess([secretUrl, '-p', 'page', '2', '--download', path])
    assert.equal(ranges[0], undefined)
    ranges.length = 0
    await runInProcess([secretUrl, '-p', 'page', '2', '--download', path])
    assert.deepEqual(ranges, ['bytes=2000-'])
  })

  test('sends the Range of the caller', async (t) => {
    const { url, ranges } = await serve(t)
    const path = join(temporaryDirectory(t), 'x.bin')
    writePart(path, url, content.subarray(0, 1000))
    await runInProcess([url, '-h', 'Range', 'bytes=5-', '--download', path])
    assert.deepEqual(ranges, ['bytes=5-'])
  })

  const restarts: [name: string, behaviour: Behaviour, part: (url: string) => Part][] = [
    ['a file that has changed', { etag: '"v2"' }, (url) => [url]],
    ['a server without ranges', { supportsRange: false }, (url) => [url]],
    ['a .part file of another URL', {}, (url) => [`${url}-other`]],
    ['a .part file that is too large', {}, (url) => [url, '"v1"', Buffer.alloc(400_000)]],
  ]
  type Part = [url: string, validator?: string, bytes?: Uint8Array]
  for (const [name, behaviour, part] of restarts) {
    test(`starts over for ${name}`, async (t) => {
      const { url } = await serve(t, behaviour)
      const path = join(temporaryDirectory(t), 'x.bin')
      const [partUrl, validator = '"v1"', bytes = Buffer.alloc(1000, 'x')] = part(url)
      writePart(path, partUrl, bytes, validator)
      const { code } = await runInProcess([url, '--download', path])
      assertComplete(path)
      assert.equal(code, 0)
    })
  }

  test('starts over if the server honours Range, but ignores If-Range', async (t) => {
    const { origin } = await httpServer(t, (request: IncomingMessage, response) => {
      response.setHeader('etag', '"v2"')
      const from = Number(/\d+/.exec(request.headers.range ?? '0'))
      if (from === 0) return response.end(content)
      const range = `bytes ${from}-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content.subarray(from))
    })
    const path = join(temporaryDirectory(t), 'x.bin')
    writePart(path, origin, Buffer.alloc(1000, 'x'))
    assert.equal((await runInProcess([origin, '--download', path])).code, 0)
    assertComplete(path)
  })

  test('starts over if the server sends another range', async (t) => {
    const { origin } = await httpServer(t, (request: IncomingMessage, response) => {
      response.setHeader('etag', '"v1"')
      if (request.headers.range === undefined) return response.end(content)
      const range = `bytes 0-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content)
    })
    const path = join(temporaryDirectory(t), 'x.bin')
    writePart(path, origin, content.subarray(0, 1000))
    assert.equal((await runInProcess([origin, '--download', path])).code, 0)
    assertComplete(path)
  })

  const notResumable: [name: string, behaviour: Behaviour][] = [
    ['no validator', { etag: '' }],
    ['a weak ETag', { etag: 'W/"v1"' }],
    ['Accept-Ranges: none', { fields: { 'accept-ranges': 'none' } }],
  ]
  for (const [name, behaviour] of notResumable) {
    test(`a lost connection with ${name} is an error, and leaves no files`, async (t) => {
      const { url } = await serve(t, { ...behaviour, cuts: [100_000] })
      const where = temporaryDirectory(t)
      const { code, stderr } = await runInProcess([url, '--download', join(where, 'x.bin')])
      assert.match(stderr, /^hawser: .*before the end of the body.*\n$/)
      assert.equal(code, 14)
      assert.deepEqual(readdirSync(where), [])
    })
  }

  test('gives up after four attempts without progress', async (t) => {
    const { url, ranges } = await serve(t, { cuts: [100_000, 0, 0, 0, 0, 0, 0, 0] })
    const path = join(temporaryDirectory(t), 'x.bin')
    const { code, stderr } = await runInProcess([url, '--download', path])
    assert.match(stderr, /\nKept 100 kB in .+x\.bin\.part\. Repeat the command to resume\.\n$/)
    assert.equal(code, 14)
    assert.equal(ranges.length, 4)
  })

  test('does not replace a directory', async (t) => {
    const { url } = await serve(t)
    const { code, stderr } = await runInProcess([url, '--download', temporaryDirectory(t)])
    assert.match(stderr, /it is a directory/)
    assert.equal(code, 18)
  })

  test('shows a progress bar on a terminal, and erases it at the end', async (t) => {
    const { url } = await serve(t)
    const path = join(temporaryDirectory(t), 'x.bin')
    const { stdout, stderr } = await runOnTerminal([url, '--download', path])
    assert.equal(stdout, '')
    assert.ok(stderr.includes('  0% ───'), JSON.stringify(stderr))
    assert.match(stderr, /100% ━+ {2}300 kB of 300 kB/)
    const cleared = stderr.lastIndexOf('\x1b[2K')
    assert.equal(maskTimes(stderr.slice(cleared + 4)), `${path}: 300 kB in TIME\n`)
    assert.ok(
      stderr.lastIndexOf('\x1b[?25h') > stderr.lastIndexOf('\x1b[?25l'),
      'the cursor is visible',
    )
  })
})

type Bytes = Uint8Array

function fingerprintOf(url: string): string {
  return createHash('sha256')
    .update(JSON.stringify([url, []]))
    .digest('hex')
}

function writePart(path: string, url: string, bytes: Bytes, validator = '"v1"'): void {
  writeFileSync(`${path}.part`, bytes)
  writeFileSync(
    `${path}.part.json`,
    JSON.stringify({ fingerprint: fingerprintOf(url), validator, total: content.length }),
  )
}
