import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes, exitReasonForError } from '../../src/command/exit-codes.ts'
import * as errors from '../../src/errors.ts'
import { httpServer, rawServer, tlsServer } from '../engine/servers.ts'
import { certificateFor } from '../support/certificates.ts'
import { runOnTerminal, temporaryDirectory } from './run-command.ts'

/** Starts a server that sends `response` to each connection and closes it. */
const rawResponse = (response: string) => async (t: TestContext) => {
  const { origin } = await rawServer(t, (socket: Socket) => {
    socket.once('data', () => socket.end(response))
  })
  return origin
}

const status = (code: number) => async (t: TestContext) =>
  (await httpServer(t, (_, response) => response.writeHead(code).end())).origin

describe('exit status and message', () => {
  const cases: [
    name: string,
    code: number,
    server: (t: TestContext) => Promise<string> | string,
    args: string[],
    message: RegExp,
  ][] = [
    ['200', 0, status(200), [], /^$/],
    ['204', 0, status(204), [], /^$/],
    ['404', 4, status(404), [], /^$/],
    ['500', 5, status(500), [], /^$/],
    [
      'an invalid option',
      2,
      () => 'http://127.0.0.1',
      ['--nonsense'],
      /unknown option.+Run hawser --help/s,
    ],
    [
      'a closed port',
      10,
      () => 'http://127.0.0.1:1',
      [],
      /ECONNREFUSED.+Nothing listens on this port/s,
    ],
    ['an unknown host', 10, () => 'http://nobody.invalid', [], /nobody\.invalid.+\n {8}\w/s],
    [
      'no response',
      11,
      async (t) => (await httpServer(t, () => {})).origin,
      ['--timeout', '0.05'],
      /No response received for 50 ms.+Increase --timeout, for example to --timeout 30/s,
    ],
    [
      'an untrusted certificate',
      12,
      async (t) => (await tlsServer(t, certificateFor(['127.0.0.1']))).origin,
      [],
      /certificate.+SSL_CERT_FILE=ca\.pem.+--no-verify/s,
    ],
    [
      'an untrusted certificate, with --no-verify',
      0,
      async (t) => (await tlsServer(t, certificateFor(['127.0.0.1']))).origin,
      ['--no-verify'],
      /^$/,
    ],
    [
      'a server without TLS',
      12,
      async (t) => (await status(200)(t)).replace('http:', 'https:'),
      [],
      /does not seem to use TLS.+http:\/\//s,
    ],
    [
      'an unreachable proxy',
      13,
      () => 'http://example.invalid',
      ['--proxy', 'http://127.0.0.1:1'],
      /proxy.+in --proxy/s,
    ],
    ['invalid HTTP', 14, rawResponse('hello\r\n\r\n'), [], /response is not valid/],
    [
      'an incomplete body',
      14,
      rawResponse('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
      [],
      /5 bytes before the end of the body/,
    ],
    [
      'an invalid content coding',
      16,
      rawResponse('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf'),
      [],
      /gzip/,
    ],
    [
      'a redirect loop',
      17,
      async (t) =>
        (await httpServer(t, (_, r) => void r.writeHead(302, { location: '/' }).end())).origin,
      ['--follow'],
      /Stopped after 20 redirects.+redirect in a loop/s,
    ],
    [
      'a file that cannot be written',
      18,
      status(200),
      ['--download', '/nonexistent/file'],
      /Could not write \/nonexistent\/file: no such file or directory/,
    ],
  ]
  for (const [name, expected, server, args, message] of cases) {
    test(`${expected}: ${name}`, async (t) => {
      const url = await server(t)
      const { code, stderr } = await runOnTerminal([`${url}/path`, ...args], {
        stderrIsTerminal: false,
      })
      assert.match(stderr, message)
      assert.equal(code, expected)
      if (stderr !== '' && code !== 0) {
        assert.match(stderr, /^hawser: .+\n(?: {8}.+\n)?$/, 'one line, and a hint')
      }
    })
  }

  test('messages contain no secrets of the URL', async () => {
    const { stderr } = await runOnTerminal(['http://ada:secret@127.0.0.1:1/?token=abc'])
    assert.ok(!/secret|abc/.test(stderr), stderr)
  })
})

test('every error class has an exit status', () => {
  // Base classes, and errors that the command cannot cause.
  const excluded = [
    'HawserError',
    'RequestError',
    'TransportError',
    'HTTPStatusError',
    'ClientClosed',
  ]
  for (const [name, value] of Object.entries(errors)) {
    if (!/^[A-Z]/.test(name) || excluded.includes(name)) continue
    const error = new (value as new (message: string) => Error)('x')
    assert.notEqual(exitReasonForError(error), 'internal', name)
  }
  assert.equal(exitReasonForError(new TypeError('x')), 'internal')
})

test('docs/command.md lists all exit statuses', () => {
  const page = fileURLToPath(new URL('../../../docs/command.md', import.meta.url))
  const rows = Object.values(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`)
  const table = ['| Status | Meaning |', '| --- | --- |', ...rows, ''].join('\n')
  assert.ok(
    readFileSync(page, 'utf8').includes(table),
    `docs/command.md must contain this table:\n${table}`,
  )
})

test('a download of an error response creates no file', async (t) => {
  const path = join(temporaryDirectory(t), 'x')
  const { code, stderr } = await runOnTerminal([await status(404)(t), '--download', path])
  assert.match(stderr, /^hawser: 404 Not Found from http:/)
  assert.equal(code, 4)
})
