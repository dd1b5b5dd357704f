// How a client treats responses: the rules that test/wire tests on the parser, seen from outside.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import type { Client, ClientOptions, Response } from '../../src/index.ts'
import { HTTPStatusError, RemoteProtocolError } from '../../src/index.ts'
import { scriptedClient, settle, states } from '../client/clients.ts'

type Bytes = string | Uint8Array

/**
 * The response that the client returns for these bytes. `ends` closes the connection after them.
 */
async function received(
  t: TestContext,
  bytes: readonly Bytes[],
  { ends = false, ...options }: ClientOptions & { ends?: boolean } = {},
): Promise<{ client: Client; response: Response }> {
  const { client, backend } = scriptedClient(t, options)
  const call = client.get('http://h.test', { followRedirects: false })
  call.catch(() => {})
  await settle()
  for (const each of bytes) backend.socket.receive(each)
  if (ends) backend.socket.receiveEnd()
  return { client, response: await call }
}

const withLength = (status: string, ...fields: string[]) =>
  [`HTTP/1.1 ${status}`, 'Content-Length: 2', ...fields, '', 'ok'].join('\r\n')

describe('S1 the reason phrase has no meaning', () => {
  for (const status of ['200', '200 ', '200 Not Found', '200 \u00e9\t!']) {
    test(JSON.stringify(status), async (t) => {
      const { response } = await received(t, [withLength(status)])
      assert.equal(response.status, 200)
      assert.equal(response.ok, true)
    })
  }
  for (const line of ['HTTP/2.0 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.2 200 OK', 'HTTP/11 200 OK']) {
    test(`${line} is an error`, async (t) => {
      await assert.rejects(
        received(t, [`${line}\r\nContent-Length: 0\r\n\r\n`]),
        RemoteProtocolError,
      )
    })
  }
})

describe('S2 an unknown status', () => {
  const classes: readonly [status: number, ok: boolean, error: boolean][] = [
    [299, true, false],
    [399, false, false],
    [499, false, true],
    [599, false, true],
    [600, false, true],
    [999, false, true],
  ]
  for (const [status, ok, isError] of classes) {
    test(`${status} counts as ${status > 599 ? 500 : status - 99}`, async (t) => {
      const { response } = await received(t, [withLength(`${status}`, 'Location: /to')])
      assert.deepEqual([response.ok, response.isError, response.isRedirect], [ok, isError, false])
      assert.equal(response.text(), 'ok')
      if (isError) assert.throws(() => response.raiseForStatus(), HTTPStatusError)
      else assert.equal(response.raiseForStatus(), response)
    })
  }
  test('199 is not final', async (t) => {
    const { response } = await received(t, ['HTTP/1.1 199 ?\r\n\r\n', withLength('200')])
    assert.equal(response.status, 200)
  })
})

test('S3 unexpected informational responses are ignored', async (t) => {
  const before = [100, 102, 103, 100, 199].map((status) => `HTTP/1.1 ${status} x\r\nA: b\r\n\r\n`)
  const { response, client } = await received(t, [...before, withLength('200')])
  assert.equal(response.status, 200)
  assert.deepEqual([...response.headers], [['Content-Length', '2']])
  assert.equal(states(client), '0 active, 1 idle')
})

test('S6, S7 names are compared without case, and fields keep their order', async (t) => {
  const fields = ['x-A:\t 1 \t', 'b: \u00ff', 'X-a: 2', 'Set-Cookie: c=1', 'set-cookie: d=2, e']
  const { response } = await received(t, [Buffer.from(withLength('200', ...fields), 'latin1')])
  const { headers } = response
  assert.equal(headers.get('X-A'), '1, 2')
  assert.equal(headers.get('B'), '\u00ff')
  assert.deepEqual(headers.getSetCookie(), ['c=1', 'd=2, e'])
  assert.equal(headers.get('set-cookie'), 'c=1')
})

describe('S8, S10 the end of a body', () => {
  const whole: readonly [name: string, bytes: string, text: string, ends: boolean][] = [
    ['by its length', withLength('200'), 'ok', false],
    ['by its last chunk', chunked('2\r\nok\r\n0\r\n\r\n'), 'ok', false],
    ['with the connection', 'HTTP/1.1 200 OK\r\n\r\nok', 'ok', true],
    ['without a body', 'HTTP/1.1 204 OK\r\nContent-Length: 2\r\n\r\n', '', false],
  ]
  for (const [name, bytes, text, ends] of whole) {
    test(name, async (t) => {
      const { response, client } = await received(t, [bytes], { ends })
      assert.equal(response.text(), text)
      assert.equal(states(client), ends ? '0 active, 0 idle' : '0 active, 1 idle')
    })
  }
  const cut: readonly [name: string, bytes: string][] = [
    ['inside a known length', withLength('200').slice(0, -1)],
    ['inside a chunk', chunked('2\r\no')],
    ['before the last chunk', chunked('2\r\nok\r\n')],
    ['before the end of the trailers', chunked('2\r\nok\r\n0\r\nA: b\r\n')],
    ['inside the head', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'],
    ['before the response', ''],
  ]
  for (const [name, bytes] of cut) {
    test(`a response that ends ${name} is an error`, async (t) => {
      await assert.rejects(
        received(t, bytes === '' ? [] : [bytes], { ends: true }),
        RemoteProtocolError,
      )
    })
  }
})

test('S9 trailers are not headers', async (t) => {
  const { response } = await received(t, [chunked('2\r\nok\r\n0\r\nX-A: late\r\n\r\n')])
  assert.equal(response.headers.get('x-a'), null)
  assert.equal(response.trailers?.get('x-a'), 'late')
})

describe('S11 whether a connection persists', () => {
  const cases: readonly [head: string, persists: boolean][] = [
    ['HTTP/1.1 200 OK\r\n', true],
    ['HTTP/1.1 200 OK\r\nConnection: close\r\n', false],
    ['HTTP/1.0 200 OK\r\n', false],
    ['HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n', true],
  ]
  for (const [head, persists] of cases) {
    test(JSON.stringify(head), async (t) => {
      const { client } = await received(t, [`${head}Content-Length: 0\r\n\r\n`])
      assert.equal(states(client), `0 active, ${persists ? 1 : 0} idle`)
    })
  }
})

test('S12 an early error response is returned, and sending stops', async (t) => {
  const { client, backend } = scriptedClient(t)
  let close = () => {}
  const closed = new Promise<void>((resolve) => (close = resolve))
  async function* endless(): AsyncGenerator<string> {
    try {
      for (;;) yield await new Promise<string>((resolve) => setImmediate(resolve, 'more'))
    } finally {
      close()
    }
  }
  const call = client.post('http://h.test', { content: endless() })
  await settle()
  backend.socket.receive(withLength('413 Too Large'))
  const response = await call
  assert.equal(response.status, 413)
  assert.equal(response.text(), 'ok')
  await closed
  assert.ok(backend.socket.destroyed)
})

test('S13 an unrequested 101 is an error', async (t) => {
  const answer = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'
  await assert.rejects(received(t, [answer]), RemoteProtocolError)
})

test('S15 connection options that name other fields have no effect', async (t) => {
  const fields = [
    'Connection: x-hop, keep-alive, content-length',
    'X-Hop: 1',
    'Proxy-Connection: x',
  ]
  const { response, client } = await received(t, [withLength('200', ...fields)])
  assert.equal(response.text(), 'ok')
  assert.equal(response.headers.get('x-hop'), '1')
  assert.equal(states(client), '0 active, 1 idle')
})

describe('S16 content codings are decoded, the last one first', () => {
  const text = 'hello '.repeat(20)
  const cases: readonly [name: string, content: Uint8Array, text: string][] = [
    ['gzip', gzipSync(text), text],
    ['X-GZIP', gzipSync(text), text],
    ['deflate', deflateSync(text), text],
    ['x-deflate', deflateSync(text), text],
    ['gzip, deflate', deflateSync(gzipSync(text)), text],
    ['identity', Buffer.from(text), text],
    ['unknown', Buffer.from(text), text],
    ['unknown, identity', Buffer.from(text), text],
  ]
  for (const [name, content, expected] of cases) {
    test(name, async (t) => {
      const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${name}\r\nContent-Length: ${content.length}\r\n\r\n`
      const { response } = await received(t, [head, content])
      assert.equal(response.text(), expected)
    })
  }
})

function chunked(body: string): string {
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`
}
