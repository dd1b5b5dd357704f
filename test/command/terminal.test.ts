import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { selectBackend } from '../../src/backends/select.ts'
import { Request } from '../../src/client/request.ts'
import { createColours } from '../../src/command/terminal.ts'
import { VerboseLog } from '../../src/command/verbose-log.ts'
import type { EventInfos } from '../../src/models/events.ts'
import { httpServer } from '../engine/servers.ts'
import { runInProcess, runOnTerminal, showEscapes, TerminalStream } from './run-command.ts'

/** Starts a server without fields that differ from response to response. */
async function serve(t: TestContext, respond: (response: ServerResponse) => void) {
  const { origin } = await httpServer(t, (_, response) => {
    response.sendDate = false
    response.setHeader('connection', 'close')
    respond(response)
  })
  return origin
}

const respondWith =
  (type: string, content: string | Uint8Array, status = 200) =>
  (response: ServerResponse): void => {
    const length = Buffer.byteLength(content)
    response.writeHead(status, { 'content-type': type, 'content-length': length }).end(content)
  }

describe('on a terminal', () => {
  test('prints the head and formatted JSON', async (t) => {
    const json = '{"id":12345678901234567890,"name":"Ada","roles":["a"],"none":[],"rest":{}}'
    const origin = await serve(t, respondWith('application/json', json))
    const { stdout, stderr, code } = await runOnTerminal([origin])
    assert.equal(
      stdout,
      `HTTP/1.1 200 OK
connection: close
content-type: application/json
content-length: 74

{
  "id": 12345678901234567890,
  "name": "Ada",
  "roles": [
    "a"
  ],
  "none": [],
  "rest": {}
}
`,
    )
    assert.equal(stderr, '')
    assert.equal(code, 0)
  })

  test('uses colours', async (t) => {
    const origin = await serve(
      t,
      respondWith('application/problem+json', '{"a": [true, "b", 1]}', 404),
    )
    const { stdout, code } = await runOnTerminal([origin], { colour: true })
    assert.equal(
      showEscapes(stdout),
      `<1>HTTP/1.1 <31>404 Not Found<39><22>
<36>connection<39><2>:<22> close
<36>content-type<39><2>:<22> application/problem+json
<36>content-length<39><2>:<22> 21

<2>{<22>
  <36>"a"<39><2>:<22> <2>[<22>
    <35>true<39><2>,<22>
    <32>"b"<39><2>,<22>
    <33>1<39>
  <2>]<22>
<2>}<22>
`,
    )
    assert.equal(code, 4)
  })

  const bodies: [name: string, type: string, content: string | Uint8Array, expected: string][] = [
    ['text', 'text/plain', 'one\r\ntwo', '\none\ntwo\n'],
    ['text with a line end', 'text/html', '<p>\n', '\n<p>\n'],
    ['text in another charset', 'text/plain; charset=latin1', Buffer.from('é', 'latin1'), '\né\n'],
    [
      'UTF-8 that is labelled otherwise',
      'text/json; charset=latin1',
      Buffer.from('"é"'),
      '\n"é"\n',
    ],
    ['invalid JSON', 'application/json', '{"a": ', '\n{"a": \n'],
    ['lines of JSON', 'application/x-ndjson', '{"a":1}\n{"a":2}\n', '\n{"a":1}\n{"a":2}\n'],
    ['control characters', 'text/plain', 'a\x1b[2Jb\rc\x9b', '\na�[2Jb�c�\n'],
    ['control characters in JSON', 'application/json', '"a\x9b2J"', '\n"a�2J"\n'],
    ['text without a type', '', 'ahoy', '\nahoy\n'],
    ['an empty body', 'text/plain', '', ''],
    [
      'binary data',
      'image/png',
      new Uint8Array(12_345),
      '\nBinary body not shown (image/png, 12.3 kB). Use --download FILE or a pipe.\n',
    ],
    [
      'binary data without a type',
      '',
      new Uint8Array(1),
      '\nBinary body not shown (no Content-Type, 1 byte). Use --download FILE or a pipe.\n',
    ],
  ]
  for (const [name, type, content, expected] of bodies) {
    test(`prints ${name}`, async (t) => {
      const origin = await serve(t, (response) => {
        if (type !== '') response.setHeader('content-type', type)
        response.setHeader('content-length', Buffer.byteLength(content))
        response.end(content)
      })
      const { stdout } = await runOnTerminal([origin])
      assert.equal(stdout.replace(/^.*?content-length: \d+\n/s, ''), expected)
    })
  }

  test('prints text while it arrives', async (t) => {
    let pending!: ServerResponse
    const origin = await serve(t, (response) => {
      response.setHeader('content-type', 'text/event-stream')
      response.write('data: 1\r')
      pending = response
    })
    const stdout = new TerminalStream()
    const running = runOnTerminal([origin], { stdout })
    while (!stdout.text.includes('data: 1')) await new Promise(setImmediate)
    pending.end('\ndata: 2\n')
    await running
    assert.match(stdout.text, /\n\ndata: 1\ndata: 2\n$/)
  })

  test('replaces control characters in headers', async (t) => {
    const origin = await serve(t, (response) => {
      response.setHeader('x-evil', 'a\x9b2J')
      response.end()
    })
    assert.match((await runOnTerminal([origin])).stdout, /x-evil: a�2J\n/)
  })

  test('breaks long errors between words', async () => {
    const { stderr } = await runOnTerminal(['http://127.0.0.1:1/a/path'])
    assert.match(
      stderr.replace(/after [\d.]+ ms/, 'after 1 ms'),
      /^hawser: Could not connect to 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1 \(GET\n {8}http:\/\/127\.0\.0\.1:1\/a\/path, after 1 ms\)\n {8}Nothing listens on this port/,
    )
  })
})

describe('colours', () => {
  const cases: [name: string, env: Record<string, string>, terminal: boolean, colours: boolean][] =
    [
      ['on a terminal', {}, true, true],
      ['not in a pipe', {}, false, false],
      ['NO_COLOR', { NO_COLOR: '1' }, true, false],
      ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
      ['FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
      ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
      ['NO_COLOR wins', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
      ['a dumb terminal', { TERM: 'dumb' }, true, false],
    ]
  for (const [name, env, stderrIsTerminal, colours] of cases) {
    test(name, async () => {
      const { stderr } = await runOnTerminal(['--nonsense'], { env, stderrIsTerminal })
      assert.equal(stderr.includes('\x1b['), colours)
    })
  }

  test('--no-colour and --no-color', async () => {
    for (const option of ['--no-colour', '--no-color']) {
      const { stdout } = await runOnTerminal(['--help', option], { colour: true })
      assert.ok(!stdout.includes('\x1b'))
    }
    assert.ok((await runOnTerminal(['--help'], { colour: true })).stdout.includes('\x1b'))
  })

  test('FORCE_COLOR does not colour a body in a pipe', async (t) => {
    const origin = await serve(t, respondWith('application/json', '{"a":1}'))
    const { stdout } = await runInProcess([origin], { env: { FORCE_COLOR: '1' } })
    assert.equal(stdout.toString(), '{"a":1}')
  })
})

describe('--verbose', () => {
  /** Replaces durations and bars, which differ from run to run. */
  const maskTimes = (text: string) =>
    text.replace(/[\d.]+ (?:µs|ms|s)\b/g, 'TIME').replace(/ +TIME +━+| +TIME(?=\n)/g, ' TIME')

  test('prints the exchange to stderr, and the body to stdout', async (t) => {
    const origin = await serve(t, respondWith('text/plain', 'ahoy'))
    const { host } = new URL(origin)
    const { code, stdout, stderr } = await runInProcess(['-v', origin, '--auth', 'ada', 'secret'])
    assert.equal(stdout.toString(), 'ahoy')
    assert.equal(
      maskTimes(stderr).replace(/accept-encoding: .*/, 'accept-encoding: CODINGS'),
      `* Connected to ${origin} in TIME
> GET / HTTP/1.1
> Host: ${host}
> accept: */*
> accept-encoding: CODINGS
> user-agent: hawser/0.1.0
> connection: keep-alive
> authorization: Basic …

< HTTP/1.1 200 OK
< connection: close
< content-type: text/plain
< content-length: 4
* Connection closed: server-close

  queue TIME
  tcp TIME
  wait TIME
  read TIME
  total TIME
`,
    )
    assert.equal(code, 0)
  })

  test('prints each redirect, and whether its connection is new', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      if (request.url === '/end') return response.end('end')
      response.writeHead(302, { location: '/end' }).end()
    })
    const { stderr } = await runInProcess(['-v', origin, '--follow'])
    const lines = stderr.split('\n').filter((line) => /^[*] |HTTP\/1/.test(line))
    assert.deepEqual(lines.map(maskTimes), [
      `* Connected to ${origin} in TIME`,
      '> GET / HTTP/1.1',
      '< HTTP/1.1 302 Found',
      '* No new connection',
      '> GET /end HTTP/1.1',
      '< HTTP/1.1 200 OK',
    ])
    assert.equal(stderr.match(/^ {2}total/gm)?.length, 2)
  })

  test('prints the phases of a failed request', async () => {
    const { stderr, code } = await runInProcess(['-v', 'http://127.0.0.1:1/'])
    assert.match(
      maskTimes(stderr),
      /^\* No connection was established\n\n {2}queue TIME\n {2}tcp TIME\n {2}total TIME\nhawser: Could not connect to/,
    )
    assert.equal(code, 10)
  })
})

const exchange = { id: 1, method: 'GET', origin: 'http://a.example', path: '/' }
const ended: Omit<EventInfos['request:end'], 'durations'> = {
  ...exchange,
  status: 200,
  duration: 38,
  bytesSent: 50,
  bytesReceived: 50,
  reusedConnection: false,
  replayed: false,
  error: null,
}

test('--verbose prints the phases of the trace: DNS, TCP and TLS separately', () => {
  let now = 0
  let output = ''
  const clock = { ...selectBackend('auto').clock, now: () => now }
  const log = new VerboseLog((text) => (output += text), createColours(false), {
    columns: 80,
    clock,
  })
  const onRequest = log.hooks.request![0]!
  onRequest(new Request('GET', 'http://a.example/'))
  log.trace('request:start', exchange)
  now = 30
  log.trace('connection:open', { origin: 'http://a.example', address: '192.0.2.1' })
  now = 40
  log.trace('request:end', { ...ended, id: 7, durations: { dns: 99 } })
  log.trace('request:end', { ...ended, durations: { dns: 10, tcp: 8, tls: 12, wait: 8 } })
  log.end()
  assert.match(output, /^\* Connected to http:\/\/a\.example \(192\.0\.2\.1\) in 30\.0 ms\n/)
  assert.equal(
    output.slice(output.indexOf('\n\n') + 2),
    `
  dns       10.0 ms  ━━━━━━━━━━━━━
  tcp       8.00 ms               ━━━━━━━━━━
  tls       12.0 ms                         ━━━━━━━━━━━━━━━
  wait      8.00 ms                                        ━━━━━━━━━━
  total     40.0 ms
`,
  )
})
