// What a server sends never reaches a terminal as control characters, in any mode of the command.
import assert from 'node:assert/strict'
import { existsSync, linkSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { PartialFile } from '../../src/command/partial-file.ts'
import { stripControls, toOneLine } from '../../src/command/terminal.ts'
import { get } from '../../src/index.ts'
import { rawServer } from '../engine/servers.ts'
import { assertLinear } from '../support/growth.ts'
import { runInProcess, runOnTerminal, temporaryDirectory } from './run-command.ts'

/** CSI of C1, and the characters that change the direction of text. */
const HOSTILE = '\x9b2J\u202e\u2066\u200f\u061c\u2028'
/** In a head, only bytes: those above 7f are decoded as latin1. */
const IN_HEAD = '\x9b2J\x85\xe2\x80\xae'
const FORBIDDEN = /[\0-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

/** Starts a server that answers every request with these bytes. */
async function serve(t: TestContext, head: string, body = ''): Promise<string> {
  const bytes = Buffer.concat([
    Buffer.from(`HTTP/1.1 ${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`, 'latin1'),
    Buffer.from(body),
  ])
  const { origin } = await rawServer(t, (socket) => {
    socket.on('data', () => socket.write(bytes))
  })
  return origin
}

describe('57 control characters of the server do not reach the terminal', () => {
  const cases: [name: string, head: string, body: string, args: readonly string[]][] = [
    ['in the head', `200 ${IN_HEAD}\r\nX-A: ${IN_HEAD}`, '', []],
    ['with -v', `200 ${IN_HEAD}\r\nX-A: ${IN_HEAD}\r\nSet-Cookie: ${IN_HEAD}`, '', ['-v']],
    ['in text', '200 OK\r\nContent-Type: text/plain', HOSTILE, []],
    [
      'in text of another charset',
      '200 OK\r\nContent-Type: text/plain; charset=latin1',
      HOSTILE,
      [],
    ],
    ['in JSON', '200 OK\r\nContent-Type: application/json', `{"${HOSTILE}":"${HOSTILE}"}`, []],
    ['in invalid JSON', '200 OK\r\nContent-Type: application/json', `{${HOSTILE}`, []],
    ['in a Content-Type', `200 OK\r\nContent-Type: ${IN_HEAD}`, '\0', []],
    ['in a Location', `302 ${IN_HEAD}\r\nLocation: /${IN_HEAD}`, '', []],
    [
      'in an invalid Location',
      `302 ${IN_HEAD}\r\nLocation: http://a:b@${IN_HEAD}:x/`,
      '',
      ['--follow'],
    ],
    ['in the scheme of a Location', `302 OK\r\nLocation: a${IN_HEAD}:x`, '', ['--follow']],
    ['with --bench', `200 ${IN_HEAD}`, '', ['--bench', '2']],
    ['in an unsupported coding', `200 OK\r\nContent-Encoding: gzip, ${IN_HEAD}`, 'x', []],
  ]
  for (const [name, head, body, args] of cases) {
    test(name, async (t) => {
      const origin = await serve(t, head, body)
      const { stdout, stderr } = await runOnTerminal([origin, ...args])
      assert.doesNotMatch(`${stdout}${stderr}`.replace(/\x1b\[[\d?;]*[a-zA-Z]|\r/g, ''), FORBIDDEN)
      assert.doesNotMatch(`${stdout}${stderr}`, /\x9b/)
    })
  }

  test('of a response that --download does not save', async (t) => {
    const origin = await serve(t, `404 ${IN_HEAD}`)
    const path = join(temporaryDirectory(t), 'file')
    const { stderr, code } = await runOnTerminal([origin, '--download', path])
    assert.equal(code, 4)
    assert.doesNotMatch(stderr.replace(/\x1b\[[\d?;]*[a-zA-Z]|\r/g, ''), FORBIDDEN)
  })

  test('and not in the message of an error of the library', async (t) => {
    const origin = await serve(t, `500 ${IN_HEAD}`)
    const response = await get(origin, { trustEnv: false })
    assert.throws(
      () => response.raiseForStatus(),
      (error) => {
        assert.doesNotMatch((error as Error).message, FORBIDDEN)
        return true
      },
    )
  })
})

describe('21 no pattern takes more than linear time', () => {
  test('for a reason phrase of 60 KB of blanks', async (t) => {
    const origin = await serve(t, `500 a${' '.repeat(60_000)}b`)
    const { code, stderr } = await runInProcess([origin])
    assert.equal(code, 5)
    assert.match(stderr, /^hawser: 500 a/)
    assertLinear((size) => `a${' '.repeat(size)}b`, toOneLine)
  })

  test('for control characters', () => {
    assertLinear((size) => '\r\n \x9b'.repeat(size / 4), stripControls)
  })
})

describe('a link in place of FILE.part or FILE.part.json', () => {
  const links: [name: string, make: typeof symlinkSync | typeof linkSync][] = [
    ['symbolic link', symlinkSync],
    ['hard link', linkSync],
  ]
  for (const [name, make] of links) {
    for (const suffix of ['.part', '.part.json']) {
      test(`${name} at ${suffix} is not followed`, async (t) => {
        const origin = await serve(t, '200 OK\r\nETag: "v1"', 'downloaded')
        const folder = temporaryDirectory(t)
        const path = join(folder, 'file')
        const victim = join(folder, 'victim')
        writeFileSync(victim, 'precious')
        make(victim, `${path}${suffix}`)
        const { code, stderr } = await runInProcess([origin, '--download', path])
        assert.equal(code, 0, stderr)
        assert.equal(readFileSync(path, 'utf8'), 'downloaded')
        assert.equal(readFileSync(victim, 'utf8'), 'precious')
        assert.equal(existsSync(`${path}${suffix}`), false)
      })
    }
  }

  test('is not resumed', async (t) => {
    const origin = await serve(t, '200 OK\r\nETag: "v1"', 'downloaded')
    const folder = temporaryDirectory(t)
    const path = join(folder, 'file')
    // A complete download leaves nothing, so the metadata is that of a response that was cut.
    const file = await PartialFile.load(path, 'print')
    await file.restart({ fingerprint: 'print', validator: '"v1"', total: 10 })
    await file.append(Buffer.from('down'))
    await file.close()
    assert.equal((await PartialFile.load(path, 'print')).isResumable, true)
    const resumed = await PartialFile.load(path, 'print')
    writeFileSync(join(folder, 'victim'), 'down')
    rmSync(`${path}.part`)
    symlinkSync(join(folder, 'victim'), `${path}.part`)
    await assert.rejects(resumed.append(Buffer.from('loaded')), /Could not write/)
    assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'down')
    assert.equal((await PartialFile.load(path, 'print')).isResumable, false)
    const { code } = await runInProcess([origin, '--download', path])
    assert.equal(code, 0)
    assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'down')
  })
})
