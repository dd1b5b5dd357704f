// The options of a call of `fetch`: those of Hawser, those of other runtimes that must not be ignored,
// and those that are ignored.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { Agent, ProxyAgent } from 'undici'
import type { DispatchHandler, DispatchRequest } from '../../src/engine.ts'
import { ConnectionPool, Headers as EngineHeaders } from '../../src/engine.ts'
import type { FetchInit, FetchOptions } from '../../src/fetch/index.ts'
import {
  createFetch,
  ReadTimeout,
  RequestError,
  ResponseTooLarge,
  TotalTimeout,
} from '../../src/fetch/index.ts'
import { MockDispatcher } from '../../src/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

const URL = 'http://h.test/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function scripted(options: FetchOptions = {}) {
  const backend = new ScriptedBackend()
  return { backend, fetch: createFetch({ trustEnv: false, ...options, backend }) }
}

/** Sends a request, which is answered with `response`. Returns the response and what was sent. */
async function send(
  init: FetchInit,
  response: string | Uint8Array = OK,
  input: string | Request = URL,
) {
  const { backend, fetch } = scripted()
  const pending = fetch(input, init)
  pending.catch(() => {})
  await settle()
  backend.socket.receive(response)
  try {
    return { response: await pending, sent: backend.socket.written, fetch }
  } finally {
    await settle()
  }
}

async function refusalOf(init: object): Promise<Error> {
  const { backend, fetch } = scripted()
  const error = await fetch(URL, init).then(
    () => assert.fail('the call was not refused'),
    (reason) => reason,
  )
  assert.ok(error instanceof TypeError)
  assert.equal(backend.lookups.length, 0, 'nothing is sent')
  await fetch.close()
  return error
}

describe('the option timeout takes what a Client takes', () => {
  for (const timeout of [50, { read: 50 }]) {
    test(JSON.stringify(timeout), async () => {
      const { backend, fetch } = scripted()
      const failed = fetch(URL, { timeout }).catch((error) => error)
      await settle()
      await backend.clock.advance(50)
      assert.ok((await failed).cause instanceof ReadTimeout)
      await fetch.close()
    })
  }

  test('total, also while the body is read', async () => {
    const { backend, fetch } = scripted()
    const response = fetch(URL, { timeout: { total: 100 } })
    await settle()
    await backend.clock.advance(60)
    backend.socket.receive(OK.slice(0, -1))
    const failed = (await response).text().catch((error) => error)
    await backend.clock.advance(40)
    const { message, cause } = await failed
    assert.equal(message, 'terminated')
    assert.ok(cause instanceof TotalTimeout)
    assert.match(cause.message, /within 100 ms/)
    await fetch.close()
  })

  test('fields that are not given come from createFetch, and null switches all off', async () => {
    for (const [timeout, expected] of [
      [{ connect: 7 }, ReadTimeout],
      [null, undefined],
    ] as const) {
      const { backend, fetch } = scripted({ timeout: { read: 50 } })
      let failure: { cause?: object } | undefined
      fetch(URL, { timeout }).catch((error) => {
        failure = error
      })
      await settle()
      await backend.clock.advance(1_000_000)
      await settle()
      assert.equal(failure?.cause?.constructor, expected)
      await fetch.close()
    }
  })

  test('another call keeps the timeouts of createFetch', async () => {
    const { backend, fetch } = scripted({ timeout: { read: 500 } })
    fetch(URL, { timeout: { read: 5000 } }).catch(() => {})
    const failed = fetch(URL).catch((error) => error)
    await settle()
    await backend.clock.advance(500)
    assert.ok((await failed).cause instanceof ReadTimeout)
    await fetch.close()
  })

  test('an invalid value is a TypeError', async () => {
    for (const timeout of [0, -1, '5', { reed: 5 }, new Date()]) {
      await refusalOf({ timeout })
    }
  })
})

describe('72 the option dispatcher', () => {
  test('of undici is refused', async (t) => {
    const agent = new Agent()
    const proxyAgent = new ProxyAgent('http://127.0.0.1:1')
    t.after(() => Promise.all([agent.close(), proxyAgent.close()]))
    for (const dispatcher of [agent, proxyAgent, { dispatch() {}, compose() {}, close() {} }]) {
      const { message } = await refusalOf({ dispatcher })
      assert.match(message, /dispatchers of undici; use createFetch\(\{ proxies/)
    }
  })

  test('of a Request counts, where the runtime shows it', async (t) => {
    const agent = new Agent()
    t.after(() => agent.close())
    const request = new Request(URL, { dispatcher: agent as never })
    const symbols = Object.getOwnPropertySymbols(request).map(({ description }) => description)
    const { backend, fetch } = scripted()
    const outcome = fetch(request).then(
      () => 'sent',
      ({ message }) => message,
    )
    await settle()
    if (backend.sockets.length > 0) backend.socket.receive(OK)
    const expected = symbols.includes('dispatcher') ? /dispatchers of undici/ : /^sent$/
    assert.match(await outcome, expected)
    await fetch.close()
  })

  test('that is not a dispatcher is refused', async () => {
    for (const dispatcher of [{}, 'http://proxy.test', new Map()]) {
      const { message } = await refusalOf({ dispatcher })
      assert.match(message, /must have the methods dispatch and close/)
    }
  })

  test('of Hawser sends the requests of the call, through redirects', async () => {
    const { backend, fetch } = scripted()
    const urls: string[] = []
    const dispatcher = new MockDispatcher(({ url }) => {
      urls.push(String(url))
      return urls.length === 1
        ? new Response('', { status: 302, headers: { location: 'http://other.test/' } })
        : new Response('mocked')
    })
    const response = await fetch(URL, { dispatcher })
    assert.equal(await response.text(), 'mocked')
    assert.deepEqual(urls, [URL, 'http://other.test/'])
    assert.equal(backend.sockets.length, 0)
    await fetch.close()
    await dispatcher.close()
  })

  test('can be a pool, which the caller closes, or a custom dispatcher', async () => {
    const poolBackend = new ScriptedBackend()
    const pool = new ConnectionPool({ backend: poolBackend })
    const { backend, fetch } = scripted()
    for (let i = 0; i < 2; i++) {
      const response = fetch(URL, { dispatcher: pool })
      await settle()
      poolBackend.socket.receive(OK)
      assert.equal(await (await response).text(), 'ok')
    }
    await fetch.close()
    assert.deepEqual([poolBackend.sockets.length, pool.stats().idle], [1, 1])
    await pool.close()

    const other = scripted()
    const custom = {
      dispatch({ path }: DispatchRequest, handler: DispatchHandler) {
        queueMicrotask(() => {
          handler.onHead({
            status: 200,
            statusText: path,
            httpVersion: '1.1',
            headers: new EngineHeaders(),
          })
          handler.onEnd(new EngineHeaders())
        })
        return { resume() {}, abort() {} }
      },
      close: async () => {},
    }
    assert.equal((await other.fetch(`${URL}p`, { dispatcher: custom })).statusText, '/p')
    await other.fetch.close()
    assert.equal(backend.sockets.length + other.backend.sockets.length, 0)
  })
})

describe('93 options that determine the route or the verification are refused', () => {
  const options: Record<string, object> = {
    'proxy of Bun': { proxy: 'http://proxy.test' },
    'proxy of Bun as an object': { proxy: { url: 'http://proxy.test', headers: {} } },
    'unix of Bun': { unix: '/tmp/socket' },
    'tls of Bun': { tls: { rejectUnauthorized: false } },
    'client of Deno': { client: { close() {} } },
    'agent that connects through a proxy': { agent: { connect() {} } },
    'agent with a proxy': { agent: { proxy: new globalThis.URL('http://proxy.test') } },
    'agent as a function': { agent: () => undefined },
  }
  const ofCreateFetch = {
    ...{ proxies: 'http://proxy.test', verify: false, cert: 'c.pem', trustEnv: false, uds: '/s' },
    ...{ onConnect: () => {}, lookup: () => {}, localAddress: '127.0.0.1', poolLimits: {} },
    ...{ maxRedirects: 0, maxResponseSize: 1, backend: 'node', trace: {} },
  }
  for (const [name, value] of Object.entries(ofCreateFetch)) {
    options[`${name} of createFetch`] = { [name]: value }
  }
  for (const [title, init] of Object.entries(options)) {
    test(title, async () => {
      const [name] = Object.keys(init)
      const { message } = await refusalOf(init)
      assert.match(
        message,
        new RegExp(`^fetch does not support the option ${name}\\b.*createFetch\\(\\{ `),
      )
    })
  }

  test('also if init inherits them', async () => {
    await refusalOf(Object.create({ proxy: 'http://proxy.test' }))
    await refusalOf(
      new (class {
        unix = '/socket'
      })(),
    )
  })

  test('null and undefined are accepted', async () => {
    const init = {
      proxy: undefined,
      unix: null,
      tls: undefined,
      client: null,
      agent: null,
      dispatcher: null,
    }
    const { sent, fetch } = await send(init as never)
    assert.match(sent, /^GET \/ HTTP/)
    await fetch.close()
  })

  test('22 a polluted prototype does not refuse calls', async () => {
    Object.assign(Object.prototype, { proxy: 'http://evil.test' })
    let sent: Promise<{ fetch: ReturnType<typeof createFetch> }>
    try {
      sent = send({ method: 'POST' })
      await settle()
    } finally {
      delete (Object.prototype as { proxy?: string }).proxy
    }
    await (await sent).fetch.close()
  })
})

describe("93 mode: 'same-origin' refuses redirects to other origins, as in Node.js", () => {
  const inputs: Record<string, [input: string | Request, init: FetchInit]> = {
    init: [URL, { mode: 'same-origin' }],
    Request: [new Request(URL, { mode: 'same-origin' }), {}],
  }
  for (const [name, [input, init]] of Object.entries(inputs)) {
    test(name, async () => {
      const { backend, fetch } = scripted()
      const redirect = (location: string) =>
        `HTTP/1.1 307 R\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`
      const failed = fetch(input, init).catch((error) => error)
      await settle()
      backend.socket.receive(redirect('/same'))
      await settle()
      assert.match(backend.socket.written, /GET \/same /)
      backend.socket.receive(redirect('http://other.test/'))
      const { message, cause } = await failed
      assert.equal(message, 'fetch failed')
      assert.match(cause.message, /to another origin, and the option mode is 'same-origin'/)
      assert.equal(backend.sockets.length, 1)
      await fetch.close()
    })
  }
})

describe('options that are ignored', () => {
  const ignored: Record<string, unknown> = {
    ...{ mode: 'cors', credentials: 'include', cache: 'no-store', keepalive: true },
    ...{ referrer: 'about:client', referrerPolicy: 'no-referrer', priority: 'high', window: null },
    ...{
      attributionReporting: {},
      browsingTopics: true,
      privateToken: {},
      targetAddressSpace: 'local',
    },
    ...{ sharedStorageWritable: false, adAuctionHeaders: false },
    ...{ verbose: true, decompress: false, protocol: 'http2', s3: {} },
    ...{ cf: {}, next: { revalidate: 60 } },
    ...{ agent: { keepAlive: true }, compress: false, counter: 0, follow: 3, highWaterMark: 5 },
    ...{ insecureHTTPParser: true, size: 5 },
  }
  for (const [name, value] of Object.entries(ignored)) {
    test(name, async () => {
      const plain = await send({})
      const given = await send({ [name]: value })
      assert.equal(given.sent, plain.sent)
      assert.equal(await given.response.text(), 'ok')
      await Promise.all([plain.fetch.close(), given.fetch.close()])
    })
  }

  test('docs/fetch.md lists them', () => {
    const page = readFileSync(
      fileURLToPath(new globalThis.URL('../../../docs/fetch.md', import.meta.url)),
      'utf8',
    )
    const section = /^## Options that are ignored\n(.*?)^## /ms.exec(page)?.[1] ?? ''
    const cells = [...section.matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell).join()
    const listed = [...cells.matchAll(/`(\w+)`/g)].map(([, name]) => name)
    assert.deepEqual([...new Set(listed)].sort(), Object.keys(ignored).sort())
  })
})

test('options that are not an object are a TypeError', async () => {
  for (const init of ['GET', 5, true]) await refusalOf(init as never)
})

describe('whitespace at the ends of a field value is removed, as the standard requires', () => {
  for (const value of ['v', ' v ', '\tv\t', 'v\r\n', '\r\nv', '\n v', 'v\r', ' \t\r\n v \r\n\t ']) {
    test(JSON.stringify(value), async () => {
      for (const headers of [{ a: value }, [['a', value]] as [string, string][]]) {
        const { sent, fetch } = await send({ headers })
        assert.match(sent, /\r\na: v\r\n/)
        await fetch.close()
      }
    })
  }

  test('a value that has only whitespace is empty', async () => {
    const { sent, fetch } = await send({ headers: { a: ' \r\n\t' } })
    assert.match(sent, /\r\na: \r\n/)
    await fetch.close()
  })

  test('a line break inside a value, and other characters at its ends, are refused', async () => {
    for (const value of ['a\r\nb: c', 'a\nb', '\0a', 'a\v', '\u2028a']) {
      await refusalOf({ headers: { a: value } })
    }
  })

  test('100,000 blanks take linear time', async () => {
    const blanks = ' '.repeat(100_000)
    const { sent, fetch } = await send({ headers: { a: `${blanks}x${blanks}y${blanks}` } })
    assert.ok(sent.includes(`\r\na: x${blanks}y\r\n`))
    await fetch.close()
  })
})

const digestOf = (algorithm: string, text: string, encoding: 'base64' | 'base64url' = 'base64') =>
  `${algorithm}-${createHash(algorithm).update(text).digest(encoding)}`

describe('integrity', () => {
  const right = digestOf('sha384', 'ok')
  const wrong = digestOf('sha384', 'other')
  const matching: Record<string, string> = {
    sha256: digestOf('sha256', 'ok'),
    sha384: right,
    sha512: digestOf('sha512', 'ok'),
    base64url: digestOf('sha512', 'ok', 'base64url'),
    'upper case': right.replace('sha384', 'SHA384'),
    'one of several digests': `${wrong} ${right}`,
    'whitespace and options': `\n\t ${right}?option=1 `,
    'only the strongest algorithm counts': `${digestOf('sha256', 'other')} ${right}`,
    'an algorithm that is not known': 'md5-AAAA',
    'no digest': 'nonsense',
    'an empty string': '',
  }
  const differing: Record<string, string> = {
    sha256: digestOf('sha256', 'other'),
    sha384: wrong,
    sha512: digestOf('sha512', 'other'),
    'only the strongest algorithm counts': `${digestOf('sha256', 'ok')} ${wrong}`,
    'the strongest comes first': `${wrong} ${digestOf('sha256', 'ok')}`,
    'a digest that is cut': right.slice(0, -5),
  }

  for (const [title, integrity] of Object.entries(matching)) {
    test(`a body that matches is delivered: ${title}`, async () => {
      const { response, fetch } = await send({ integrity })
      assert.equal(response.bodyUsed, false)
      assert.equal(await response.text(), 'ok')
      assert.equal(response.bodyUsed, true)
      await fetch.close()
    })
  }

  for (const [title, integrity] of Object.entries(differing)) {
    test(`a body that does not match rejects: ${title}`, async () => {
      await assert.rejects(send({ integrity }), (error) => {
        assert.ok(error instanceof TypeError)
        assert.equal(error.message, 'fetch failed')
        assert.ok(error.cause instanceof RequestError)
        assert.match(
          error.cause.message,
          /GET http:\/\/h\.test\/ does not match the option integrity/,
        )
        return true
      })
    })
  }

  test('can be read as a stream, cloned, and is that of the decoded body', async () => {
    const body = gzipSync('ok')
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`
    const bytes = Buffer.concat([Buffer.from(head), body])
    const { response, fetch } = await send({ integrity: right }, bytes)
    const clone = response.clone()
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk)
    assert.equal(String(Buffer.concat(chunks)), 'ok')
    assert.equal(await clone.text(), 'ok')
    await fetch.close()
  })

  test('of a Request counts, and init overrides it', async () => {
    const request = () => new Request(URL, { integrity: wrong })
    await assert.rejects(send({}, OK, request()), { message: 'fetch failed' })
    const { response, fetch } = await send({ integrity: right }, OK, request())
    assert.equal(await response.text(), 'ok')
    await fetch.close()
  })

  test('a response without a body does not match', async () => {
    await assert.rejects(send({ integrity: right }, 'HTTP/1.1 204 No Content\r\n\r\n'), {
      message: 'fetch failed',
    })
  })

  test('the body is limited by maxResponseSize', async () => {
    const { backend, fetch } = scripted({ maxResponseSize: 1 })
    const tooLarge = fetch(URL, { integrity: right }).catch((error) => error)
    await settle()
    backend.socket.receive(OK)
    const error = await tooLarge
    assert.equal(error.message, 'fetch failed')
    assert.ok(error.cause instanceof ResponseTooLarge)
    await fetch.close()
  })

  test('an abort while the body is received rejects with the reason', async () => {
    const { backend, fetch } = scripted()
    const controller = new AbortController()
    const aborted = fetch(URL, { integrity: right, signal: controller.signal }).catch((e) => e)
    await settle()
    backend.socket.receive(OK.slice(0, -1))
    await settle()
    controller.abort('reason')
    assert.equal(await aborted, 'reason')
    await fetch.close()
  })
})
