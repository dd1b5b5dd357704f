// The messages and causes of the errors of `fetch`. Libraries repeat a request only after a TypeError
// with exactly the message `fetch failed` or `terminated`, and read the code of its cause.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  ClientClosed,
  ConnectError,
  createFetch,
  DecodingError,
  HawserError,
  InvalidURL,
  LocalProtocolError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  ResponseTooLarge,
  TooManyRedirects,
  UnsupportedProtocol,
} from '../../src/fetch/index.ts'
import { deadOrigin } from '../client/clients.ts'
import { rawServer, tlsServer } from '../engine/servers.ts'
import { certificateFor } from '../support/certificates.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

const URL = 'http://h.test/'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'

type Fetch = ReturnType<typeof createFetch>
type Code = { readonly code?: unknown }

async function failureOf(promise: Promise<unknown>): Promise<TypeError> {
  return promise.then(
    () => assert.fail('the call did not fail'),
    (error) => {
      assert.ok(error instanceof TypeError, String(error))
      assert.equal(error.name, 'TypeError')
      return error
    },
  )
}

/** The causes of an error, the outermost first. Fails if a cause occurs twice. */
function causesOf(error: Error): Error[] {
  const causes: Error[] = []
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    assert.ok(!causes.includes(cause), 'the causes form a cycle')
    causes.push(cause)
  }
  return causes
}

/** Asserts that the cause is a system error, and the cause of that a `HawserError`. */
function assertSystemCause(error: Error, code: string, type: typeof HawserError): void {
  const [system, reported] = causesOf(error)
  assert.ok(system !== undefined && !(system instanceof HawserError))
  assert.equal((system as Code).code, code)
  assert.ok(reported instanceof type)
}

const ways: Record<string, (response: Response) => Promise<unknown>> = {
  text: (response) => response.text(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  body: async (response) => {
    for await (const _ of response.body as AsyncIterable<Uint8Array>);
  },
  'text of a clone': (response) => response.clone().text(),
  'text after body': (response) => {
    assert.ok(response.body)
    return response.text()
  },
}

describe('71 fetch failed: before the response, with the system error as the cause', () => {
  test('a refused connection', async (t) => {
    const fetch = createFetch({ trustEnv: false })
    t.after(() => fetch.close())
    const origin = await deadOrigin()
    const error = await failureOf(fetch(origin))
    assert.equal(error.message, 'fetch failed')
    assertSystemCause(error, 'ECONNREFUSED', ConnectError)
    const [system, reported] = causesOf(error)
    assert.match(system!.message, /ECONNREFUSED/)
    assert.match(reported!.message, new RegExp(`GET ${origin}`))
  })

  test('a connection that is reset', async (t) => {
    const { origin } = await rawServer(t, (socket) =>
      socket.once('data', () => socket.resetAndDestroy()),
    )
    const fetch = createFetch({ trustEnv: false })
    t.after(() => fetch.close())
    const error = await failureOf(fetch(origin))
    assert.equal(error.message, 'fetch failed')
    assertSystemCause(error, 'ECONNRESET', ReadError)
  })

  test('a certificate that is not trusted', async (t) => {
    const { origin } = await tlsServer(t, certificateFor(['127.0.0.1']))
    const fetch = createFetch({ trustEnv: false })
    t.after(() => fetch.close())
    const error = await failureOf(fetch(origin))
    assert.equal(error.message, 'fetch failed')
    const [system, reported] = causesOf(error)
    assert.equal(typeof (system as Code).code, 'string')
    assert.ok(!String((system as Code).code).startsWith('HAWSER_'))
    assert.ok(reported instanceof ConnectError)
  })

  test('a host name that cannot be resolved', async () => {
    const { backend, fetch } = scripted()
    const properties = { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'h.test' }
    const notFound = Object.assign(new Error('getaddrinfo ENOTFOUND h.test'), properties)
    backend.hosts.set('h.test', notFound)
    for (const error of await Promise.all([failureOf(fetch(URL)), failureOf(fetch(URL))])) {
      assert.equal(error.message, 'fetch failed')
      assertSystemCause(error, 'ENOTFOUND', ConnectError)
      const [system, reported] = causesOf(error)
      assert.deepEqual({ ...system }, properties)
      assert.equal(system?.message, notFound.message)
      assert.equal(system?.stack, notFound.stack)
      assert.equal(reported?.cause, notFound)
    }
    assert.equal(notFound.cause, undefined, 'the error of the runtime is not changed')
    await fetch.close()
  })
})

function scripted(options: Parameters<typeof createFetch>[0] = {}) {
  const backend = new ScriptedBackend()
  return { backend, fetch: createFetch({ trustEnv: false, ...options, backend }) }
}

/** Failures without a system error. `act` runs after the request was sent. */
const withoutSystemError: Record<
  string,
  {
    readonly type: typeof HawserError
    readonly options?: Parameters<typeof createFetch>[0]
    readonly call?: (fetch: Fetch) => Promise<unknown>
    readonly act?: (backend: ScriptedBackend, fetch: Fetch) => unknown
  }
> = {
  'a read timeout': {
    type: ReadTimeout,
    options: { timeout: { read: 50 } },
    act: (backend) => backend.clock.advance(50),
  },
  'an invalid response': {
    type: RemoteProtocolError,
    act: (backend) => backend.socket.receive('nonsense\r\n\r\n'),
  },
  'a connection that ends before the response': {
    type: HawserError,
    act: (backend) => backend.socket.receiveEnd(),
  },
  'too many redirects': {
    type: TooManyRedirects,
    options: { maxRedirects: 0 },
    act: (backend) =>
      backend.socket.receive('HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'),
  },
  'a scheme that is not supported': {
    type: UnsupportedProtocol,
    call: (fetch) => fetch('ftp://h.test/'),
  },
  'a fetch function that is closed': {
    type: ClientClosed,
    act: (_, fetch) => fetch.close(),
  },
}

describe('71 fetch failed: with a HawserError as the cause', () => {
  for (const [name, { type, options, call, act }] of Object.entries(withoutSystemError)) {
    test(name, async () => {
      const { backend, fetch } = scripted(options)
      const failed = failureOf(call?.(fetch) ?? fetch(URL))
      await settle()
      await act?.(backend, fetch)
      const error = await failed
      assert.equal(error.message, 'fetch failed')
      assert.ok(error.cause instanceof type, String(error.cause))
      await fetch.close()
    })
  }
})

describe('71 terminated: while the body is read', () => {
  for (const [name, read] of Object.entries(ways)) {
    test(`a connection that is reset, ${name}`, async () => {
      const { backend, fetch } = scripted()
      const response = fetch(URL)
      await settle()
      backend.socket.receive(`${HEAD}abc`)
      const failed = failureOf(response.then(read))
      await settle()
      backend.socket.reset()
      const error = await failed
      assert.equal(error.message, 'terminated')
      assertSystemCause(error, 'ECONNRESET', ReadError)
      await fetch.close()
    })

    test(`a body that is cut short, ${name}`, async () => {
      const { backend, fetch } = scripted()
      const response = fetch(URL)
      await settle()
      backend.socket.receive(`${HEAD}abc`)
      const failed = failureOf(response.then(read))
      await settle()
      backend.socket.receiveEnd()
      const error = await failed
      assert.equal(error.message, 'terminated')
      assert.ok(error.cause instanceof HawserError)
      await fetch.close()
    })

    test(`a body that cannot be decoded, ${name}`, async () => {
      const { backend, fetch } = scripted()
      const response = fetch(URL)
      await settle()
      backend.socket.receive(HEAD.replace('\r\n', '\r\nContent-Encoding: gzip\r\n'))
      backend.socket.receive('0123456789')
      const error = await failureOf(response.then(read))
      assert.equal(error.message, 'terminated')
      assert.ok(error.cause instanceof DecodingError)
      await fetch.close()
    })

    test(`a body that is too large, ${name}`, async () => {
      const { backend, fetch } = scripted({ maxResponseSize: 5 })
      const body = gzipSync('too large')
      const response = fetch(URL)
      await settle()
      backend.socket.receive(
        `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
      backend.socket.receive(body)
      const error = await failureOf(response.then(read))
      assert.equal(error.message, 'terminated')
      assert.ok(error.cause instanceof ResponseTooLarge)
      await fetch.close()
    })
  }
})

describe('71 a request that is not valid has a message that no library repeats it for', () => {
  const calls: Record<
    string,
    [call: (fetch: Fetch) => Promise<unknown>, type: unknown, message: RegExp]
  > = {
    'an invalid URL': [(fetch) => fetch('nonsense'), InvalidURL, /^Invalid URL nonsense/],
    'an invalid header': [
      (fetch) => fetch(URL, { headers: { a: 'b\nc' } }),
      LocalProtocolError,
      /^Invalid character "\\n" at index 1 in header a/,
    ],
    'a Content-Length that does not match': [
      (fetch) => fetch(URL, { method: 'POST', body: 'abc', headers: { 'content-length': '2' } }),
      LocalProtocolError,
      /content-length/i,
    ],
    'an invalid method': [
      (fetch) => fetch(URL, { method: 'a b' }),
      undefined,
      /is not a valid HTTP method/,
    ],
  }
  for (const [name, [call, type, message]] of Object.entries(calls)) {
    test(name, async () => {
      const { backend, fetch } = scripted()
      const { message: actual, cause } = await failureOf(call(fetch))
      assert.match(actual, message)
      assert.equal((cause as object | undefined)?.constructor, type)
      assert.equal(backend.sockets.length, 0)
      await fetch.close()
    })
  }
})
