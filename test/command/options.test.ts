import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { httpServer } from '../engine/servers.ts'
import { runInProcess, runOnTerminal, temporaryDirectory } from './run-command.ts'

/** A request as the server received it. */
interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly content: string
}

function echoServer(t: TestContext) {
  return httpServer(t, async (request, response) => {
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, content: await text(request) }))
  })
}

describe('request options', () => {
  const cases: [
    args: string[],
    expected: Partial<ReceivedRequest>,
    headers?: Record<string, string>,
  ][] = [
    [['URL/a'], { method: 'GET', url: '/a', content: '' }],
    [['PUT', 'URL/a'], { method: 'PUT' }],
    [['delete', 'URL/a'], { method: 'DELETE' }],
    [['-m', 'M-SEARCH', 'URL'], { method: 'M-SEARCH' }],
    [['--method', 'PATCH', 'URL', '--content', 'x'], { method: 'PATCH', content: 'x' }],
    [['-p', 'a', '1', 'URL?z=0', '-p', 'a', '2'], { url: '/?z=0&a=1&a=2' }],
    [['--params', '-x', '-y', 'URL'], { url: '/?-x=-y' }],
    [['-h', 'X-App', 'me', 'URL'], {}, { 'x-app': 'me' }],
    [['URL', '--headers', 'user-agent', 'mine'], {}, { 'user-agent': 'mine' }],
    [
      ['URL', '-j', '{"n": 12345678901234567890}'],
      { method: 'POST', content: '{"n": 12345678901234567890}' },
      { 'content-type': 'application/json', 'content-length': '27' },
    ],
    [
      ['URL', '--json', '[]', '-h', 'Content-Type', 'application/x+json'],
      { content: '[]' },
      { 'content-type': 'application/x+json' },
    ],
    [
      ['URL', '-d', 'a', '1 2', '--data', 'b', '&'],
      { method: 'POST', content: 'a=1+2&b=%26' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    [['PUT', 'URL', '--content', 'ahoy'], { method: 'PUT', content: 'ahoy' }],
    [['URL', '--content', '-'], { method: 'POST', content: 'from stdin' }],
    [['URL', '--cookies', 'a', '1', '--cookies', 'b', '2'], {}, { cookie: 'a=1; b=2' }],
    [['URL', '--auth', 'ada', 'secret'], {}, { authorization: 'Basic YWRhOnNlY3JldA==' }],
    [['--', 'URL'], { method: 'GET' }],
  ]
  for (const [args, expected, headers = {}] of cases) {
    test(args.join(' '), async (t) => {
      const { origin } = await echoServer(t)
      const { code, stdout, stderr } = await runInProcess(
        args.map((arg) => arg.replace('URL', origin)),
        { input: 'from stdin' },
      )
      assert.equal(stderr, '')
      assert.equal(code, 0)
      const received = JSON.parse(stdout.toString()) as ReceivedRequest
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(received[name as keyof ReceivedRequest], value, name)
      }
      for (const [name, value] of Object.entries(headers)) {
        assert.equal(received.headers[name], value, name)
      }
    })
  }

  test('--files with --data', async (t) => {
    const { origin } = await echoServer(t)
    const path = join(temporaryDirectory(t), 'report.txt')
    writeFileSync(path, 'the report')
    const { stdout } = await runOnTerminal([origin, '-f', 'file', path, '-d', 'title', 'Report'])
    const [, body = ''] = stdout.split('\n\n')
    const { headers, content, method } = JSON.parse(body) as ReceivedRequest
    assert.equal(method, 'POST')
    assert.match(headers['content-type']!, /^multipart\/form-data; boundary=/)
    assert.match(content, /name="title"\r\n\r\nReport\r\n/)
    assert.match(
      content,
      /name="file"; filename="report.txt"\r\nContent-Type: text\/plain\r\n\r\nthe report\r\n/i,
    )
  })

  test('--proxy', async (t) => {
    const { origin } = await echoServer(t)
    const { stdout } = await runInProcess(['http://example.invalid/x', '--proxy', origin])
    assert.equal((JSON.parse(stdout.toString()) as ReceivedRequest).url, 'http://example.invalid/x')
  })

  test(':port means localhost, and http:// is the default scheme', async (t) => {
    const { port, origin } = await echoServer(t)
    for (const url of [`:${port}/x`, origin.slice('http://'.length)]) {
      assert.equal((await runOnTerminal([url])).code, 0)
    }
  })
})

describe('redirects', () => {
  const server = (t: TestContext) =>
    httpServer(t, (request, response) => {
      if (request.url === '/end') return response.end('the end')
      response.writeHead(302, { location: '/end' }).end('moved')
    })

  test('are printed by default, with a hint', async (t) => {
    const { origin } = await server(t)
    for (const args of [[origin], [origin, '--no-follow']]) {
      const { code, stdout, stderr } = await runInProcess(args)
      assert.equal(stdout.toString(), 'moved')
      assert.equal(stderr, 'Redirect to /end. Use --follow to follow redirects.\n')
      assert.equal(code, 0)
    }
  })

  test('--follow', async (t) => {
    const { origin } = await server(t)
    const { stdout, stderr } = await runInProcess([origin, '--follow'])
    assert.equal(stdout.toString(), 'the end')
    assert.equal(stderr, '')
  })
})

describe('usage errors', () => {
  const url = 'http://127.0.0.1:1'
  const cases: [args: string[], message: string][] = [
    [[], 'missing URL'],
    [['GET', url, 'more'], 'unexpected argument: more'],
    [
      [':8765/echo', 'http://ada:secret@a/?b'],
      'expected [METHOD] URL, got two arguments: :8765/echo http://a/?…',
    ],
    [['PUT', url, '-m', 'GET'], 'the method is given twice: PUT and --method GET'],
    [[url, '--folow'], "unknown option '--folow' (Did you mean --follow?)"],
    [[url, '-p', 'a'], "option '-p, --params <name value>': expected NAME and VALUE"],
    [[url, '--params=a'], "option '-p, --params <name value>': expected NAME and VALUE"],
    [[url, '--auth', 'ada'], "option '--auth <user password>': expected USER and PASSWORD"],
    [[url, '--timeout', '0'], "option '--timeout <seconds>': expected a number greater than 0"],
    [[url, '--timeout', 'x'], "option '--timeout <seconds>': expected a number greater than 0"],
    [[url, '--bench', '1.5'], "option '--bench <n>': expected an integer from 1 to 10000000"],
    [[url, '--proxy'], "option '--proxy <url>': missing value"],
    [[url, '-c', '2'], '-c requires --bench'],
    [[url, '--bench', '1', '-v'], '--bench and --verbose cannot be combined'],
    [[url, '--bench', '1', '--download', 'x'], '--bench and --download cannot be combined'],
    [[url, '--bench', '1', '--content', '-'], '--bench cannot send stdin more than once'],
    [[url, '-j', '{}', '-d', 'a', 'b'], '--json and --data cannot be combined'],
    [[url, '--content', 'x', '-f', 'a', 'b'], '--content and --files cannot be combined'],
    [
      [url, '-f', 'a', '/nonexistent/x'],
      '--files: could not read /nonexistent/x: no such file or directory',
    ],
    [[url, '-f', 'a', '/'], '--files: could not read /: it is a directory'],
    [['ftp://example.com'], 'Unsupported URL scheme: ftp'],
    [['http://'], 'URL'],
    [[url, '-h', 'a b', 'x'], 'in a header name'],
    [[url, '-h', 'a', 'x\r\ny: z'], 'at index 1 in header a'],
    [[url, '--proxy', 'gopher://x'], 'gopher'],
  ]
  for (const [args, message] of cases) {
    test(JSON.stringify(args.join(' ')), async () => {
      const { code, stdout, stderr } = await runOnTerminal(args, { stderrIsTerminal: false })
      const [line, ...rest] = stderr.split('\n')
      assert.ok(line!.startsWith('hawser: '), stderr)
      assert.ok(line!.includes(message), stderr)
      assert.ok(rest.length <= 2 && !stderr.includes('    at '), stderr)
      assert.equal(code, 2)
      assert.equal(stdout, '')
    })
  }

  test('invalid JSON, with a hint', async () => {
    const { code, stderr } = await runInProcess([url, '-j', '{name: 1}'])
    assert.match(
      stderr,
      /^hawser: --json is not valid JSON: .+\n {8}Use single quotes in the shell: -j '/,
    )
    assert.equal(code, 2)
  })
})

describe('help and version', () => {
  test('--help lists options, examples and exit statuses', async () => {
    const { code, stdout, stderr } = await runInProcess(['--help'])
    const help = stdout.toString()
    assert.equal(code, 0)
    assert.equal(stderr, '')
    for (const part of [
      '-h, --headers <name value>',
      'Examples:',
      '10,000 requests',
      ' 11  ',
      '130',
    ]) {
      assert.ok(help.includes(part), part)
    }
    for (const line of help.split('\n')) assert.ok(line.length <= 80, line)
  })

  test('--version prints the version of the package', async () => {
    const { stdout } = await runInProcess(['--version'])
    assert.match(stdout.toString(), /^\d+\.\d+\.\d+\n$/)
  })
})
