import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { httpServer } from '../engine/servers.ts'
import { folder, onTerminal, run } from './world.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly content: string
}

function echo(t: TestContext) {
  return httpServer(t, async (request, response) => {
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, content: await text(request) }))
  })
}

describe('what an option sends', () => {
  const cases: [words: string[], expected: Partial<Seen>, headers?: Record<string, string>][] = [
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
  for (const [words, expected, headers = {}] of cases) {
    test(words.join(' '), async (t) => {
      const { origin } = await echo(t)
      const { code, stdout, stderr } = await run(
        words.map((word) => word.replace('URL', origin)),
        { input: 'from stdin' },
      )
      assert.equal(stderr, '')
      assert.equal(code, 0)
      const seen = JSON.parse(stdout.toString()) as Seen
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(seen[name as keyof Seen], value, name)
      }
      for (const [name, value] of Object.entries(headers)) {
        assert.equal(seen.headers[name], value, name)
      }
    })
  }

  test('--files, with fields', async (t) => {
    const { origin } = await echo(t)
    const path = join(folder(t), 'report.txt')
    writeFileSync(path, 'the report')
    const { stdout } = await onTerminal([origin, '-f', 'file', path, '-d', 'title', 'Report'])
    const [, body = ''] = stdout.split('\n\n')
    const { headers, content, method } = JSON.parse(body) as Seen
    assert.equal(method, 'POST')
    assert.match(headers['content-type']!, /^multipart\/form-data; boundary=/)
    assert.match(content, /name="title"\r\n\r\nReport\r\n/)
    assert.match(
      content,
      /name="file"; filename="report.txt"\r\nContent-Type: text\/plain\r\n\r\nthe report\r\n/i,
    )
  })

  test('--proxy', async (t) => {
    const { origin } = await echo(t)
    const { stdout } = await run(['http://example.invalid/x', '--proxy', origin])
    assert.equal((JSON.parse(stdout.toString()) as Seen).url, 'http://example.invalid/x')
  })

  test(':port is a server of this machine, and http:// needs not be written', async (t) => {
    const { port, origin } = await echo(t)
    for (const url of [`:${port}/x`, origin.slice('http://'.length)]) {
      assert.equal((await onTerminal([url])).code, 0)
    }
  })
})

describe('redirects', () => {
  const server = (t: TestContext) =>
    httpServer(t, (request, response) => {
      if (request.url === '/end') return response.end('the end')
      response.writeHead(302, { location: '/end' }).end('moved')
    })

  test('are shown, with a word on how to follow them', async (t) => {
    const { origin } = await server(t)
    for (const words of [[origin], [origin, '--no-follow']]) {
      const { code, stdout, stderr } = await run(words)
      assert.equal(stdout.toString(), 'moved')
      assert.equal(stderr, 'It redirects to /end: --follow goes there.\n')
      assert.equal(code, 0)
    }
  })

  test('--follow', async (t) => {
    const { origin } = await server(t)
    const { stdout, stderr } = await run([origin, '--follow'])
    assert.equal(stdout.toString(), 'the end')
    assert.equal(stderr, '')
  })
})

describe('a wrong call says what is wrong', () => {
  const url = 'http://127.0.0.1:1'
  const cases: [words: string[], message: string][] = [
    [[], 'there is no URL'],
    [['GET', url, 'more'], 'one word too many: more'],
    [['PUT', url, '-m', 'GET'], 'two methods: PUT, and --method GET'],
    [[url, '--folow'], "unknown option '--folow' (Did you mean --follow?)"],
    [[url, '-p', 'a'], "option '-p, --params <name value>': It takes two words."],
    [[url, '--params=a'], "option '-p, --params <name value>': It takes two words."],
    [[url, '--auth', 'ada'], "option '--auth <user password>': It takes two words."],
    [[url, '--timeout', '0'], "option '--timeout <seconds>': It takes a number above 0."],
    [[url, '--timeout', 'x'], "option '--timeout <seconds>': It takes a number above 0."],
    [[url, '--bench', '1.5'], "option '--bench <n>': It takes a whole number from 1 to 10000000."],
    [[url, '--proxy'], "option '--proxy <url>' argument missing"],
    [[url, '-c', '2'], '-c is for --bench: how many at a time'],
    [[url, '--bench', '1', '-v'], '--bench and --verbose do not go together'],
    [[url, '--bench', '1', '--download', 'x'], '--bench and --download do not go together'],
    [[url, '--bench', '1', '--content', '-'], '--bench cannot send stdin more than once'],
    [[url, '-j', '{}', '-d', 'a', 'b'], '--json and --data are two bodies'],
    [[url, '--content', 'x', '-f', 'a', 'b'], '--content and --files are two bodies'],
    [
      [url, '-f', 'a', '/nonexistent/x'],
      '--files: /nonexistent/x: there is no such file or folder',
    ],
    [[url, '-f', 'a', '/'], '--files: /: it is a folder'],
    [['ftp://example.com'], 'Only http and https are spoken, not ftp'],
    [['http://'], 'URL'],
    [[url, '-h', 'a b', 'x'], 'Header name'],
    [[url, '-h', 'a', 'x\r\ny: z'], 'Header a has'],
    [[url, '--proxy', 'gopher://x'], 'gopher'],
  ]
  for (const [words, message] of cases) {
    test(JSON.stringify(words.join(' ')), async () => {
      const { code, stdout, stderr } = await onTerminal(words, { stderrIsTerminal: false })
      const [line, ...rest] = stderr.split('\n')
      assert.ok(line!.startsWith('hawser: '), stderr)
      assert.ok(line!.includes(message), stderr)
      assert.ok(rest.length <= 2 && !stderr.includes('    at '), stderr)
      assert.equal(code, 2)
      assert.equal(stdout, '')
    })
  }

  test('JSON that is none, with a hint', async () => {
    const { code, stderr } = await run([url, '-j', '{name: 1}'])
    assert.match(stderr, /^hawser: --json is no JSON: .+\n {8}Put it in single quotes: -j '/)
    assert.equal(code, 2)
  })
})

describe('information', () => {
  test('--help teaches', async () => {
    const { code, stdout, stderr } = await run(['--help'])
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

  test('--version is that of the package', async () => {
    const { stdout } = await run(['--version'])
    assert.match(stdout.toString(), /^\d+\.\d+\.\d+\n$/)
  })
})
