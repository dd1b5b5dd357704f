import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes, reasonOfError } from '../../src/command/exit-codes.ts'
import * as errors from '../../src/errors.ts'
import { httpServer, rawServer, tlsServer } from '../engine/servers.ts'
import { certificateFor } from '../support/certificates.ts'
import { folder, onTerminal } from './world.ts'

/** Answers each connection with this, and closes it. */
const answering = (answer: string) => async (t: TestContext) => {
  const { origin } = await rawServer(t, (socket: Socket) => {
    socket.once('data', () => socket.end(answer))
  })
  return origin
}

const status = (code: number) => async (t: TestContext) =>
  (await httpServer(t, (_, response) => response.writeHead(code).end())).origin

describe('the exit status, and what is said', () => {
  const cases: [
    name: string,
    code: number,
    server: (t: TestContext) => Promise<string> | string,
    words: string[],
    said: RegExp,
  ][] = [
    ['200', 0, status(200), [], /^$/],
    ['204', 0, status(204), [], /^$/],
    ['404', 4, status(404), [], /^$/],
    ['500', 5, status(500), [], /^$/],
    ['a bad option', 2, () => 'http://127.0.0.1', ['--nonsense'], /unknown option.+--help shows/s],
    ['nobody listens', 10, () => 'http://127.0.0.1:1', [], /ECONNREFUSED.+Nothing listens there/s],
    ['no such host', 10, () => 'http://nobody.invalid', [], /nobody\.invalid.+\n {8}\w/s],
    [
      'no answer',
      11,
      async (t) => (await httpServer(t, () => {})).origin,
      ['--timeout', '0.05'],
      /No response came for 50 ms.+--timeout 30 waits/s,
    ],
    [
      'a certificate that nobody signed',
      12,
      async (t) => (await tlsServer(t, certificateFor(['127.0.0.1']))).origin,
      [],
      /certificate.+SSL_CERT_FILE=ca\.pem.+--no-verify/s,
    ],
    [
      'the same, with --no-verify',
      0,
      async (t) => (await tlsServer(t, certificateFor(['127.0.0.1']))).origin,
      ['--no-verify'],
      /^$/,
    ],
    [
      'no TLS there',
      12,
      async (t) => (await status(200)(t)).replace('http:', 'https:'),
      [],
      /does not seem to speak TLS.+http:\/\//s,
    ],
    [
      'no proxy there',
      13,
      () => 'http://example.invalid',
      ['--proxy', 'http://127.0.0.1:1'],
      /proxy.+named by --proxy/s,
    ],
    ['no HTTP', 14, answering('hello\r\n\r\n'), [], /response is not valid/],
    [
      'a body cut short',
      14,
      answering('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
      [],
      /5 bytes before the end of the body/,
    ],
    [
      'a coding that is broken',
      16,
      answering('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf'),
      [],
      /gzip/,
    ],
    [
      'a circle of redirects',
      17,
      async (t) =>
        (await httpServer(t, (_, r) => void r.writeHead(302, { location: '/' }).end())).origin,
      ['--follow'],
      /More than 20 redirects.+-v shows the way/s,
    ],
    [
      'a file that cannot be written',
      18,
      status(200),
      ['--download', '/nonexistent/file'],
      /\/nonexistent\/file cannot be written: there is no such file or folder/,
    ],
  ]
  for (const [name, expected, server, words, said] of cases) {
    test(`${expected}: ${name}`, async (t) => {
      const url = await server(t)
      const { code, stderr } = await onTerminal([`${url}/path`, ...words], {
        stderrIsTerminal: false,
      })
      assert.match(stderr, said)
      assert.equal(code, expected)
      if (stderr !== '' && code !== 0) {
        assert.match(stderr, /^hawser: .+\n(?: {8}.+\n)?$/, 'one line, and a hint')
      }
    })
  }

  test('a secret of the URL is not in it', async () => {
    const { stderr } = await onTerminal(['http://ada:secret@127.0.0.1:1/?token=abc'])
    assert.ok(!/secret|abc/.test(stderr), stderr)
  })
})

test('every class of error has a status', () => {
  // Its class says little: it is thrown for what is said by another.
  const abstract = [
    'HawserError',
    'RequestError',
    'TransportError',
    'HTTPStatusError',
    'ClientClosed',
  ]
  for (const [name, value] of Object.entries(errors)) {
    if (!/^[A-Z]/.test(name) || abstract.includes(name)) continue
    const error = new (value as new (message: string) => Error)('x')
    assert.notEqual(reasonOfError(error), 'unexpected', name)
  }
  assert.equal(reasonOfError(new TypeError('x')), 'unexpected')
})

test('docs/command.md has them all', () => {
  const page = fileURLToPath(new URL('../../../docs/command.md', import.meta.url))
  const rows = Object.values(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`)
  const table = ['| status | |', '| --- | --- |', ...rows, ''].join('\n')
  assert.ok(readFileSync(page, 'utf8').includes(table), `This belongs there:\n${table}`)
})

test('a file is not begun for an answer that is an error', async (t) => {
  const path = join(folder(t), 'x')
  const { code, stderr } = await onTerminal([await status(404)(t), '--download', path])
  assert.match(stderr, /^hawser: 404 Not Found from http:/)
  assert.equal(code, 4)
})
