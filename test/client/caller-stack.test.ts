// The stack of an error that is created in an event of a socket or a timer.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Client, ClientOptions, HawserError } from '../../src/index.ts'
import { ReadTimeout } from '../../src/index.ts'
import { deadOrigin, openClient, scriptedClient, settle } from './clients.ts'

const URL = 'http://h.test/'

async function callingGet(client: Client, url: string): Promise<void> {
  await client.get(url)
}

async function callingRead(client: Client, url: string): Promise<void> {
  const response = await client.stream('GET', url)
  await response.read()
}

async function callingIterBytes(client: Client, url: string): Promise<void> {
  const response = await client.stream('GET', url)
  for await (const _ of response.iterBytes());
}

type Call = typeof callingGet

/** Asserts that the call fails, and that the stack of its error contains the caller once. */
async function assertShown(call: Promise<void>, caller: Call, name: string): Promise<void> {
  await assert.rejects(call, (error: HawserError) => {
    assert.equal(error.name, name)
    const stack = error.stack ?? ''
    assert.ok(stack.startsWith(`${name}: ${error.message}\n    at `), stack)
    const frame = new RegExp(`\\n    at async ${caller.name} \\(.*caller-stack\\.test\\.`, 'g')
    assert.equal(stack.match(frame)?.length, 1, stack)
    return true
  })
}

describe('79 the stack of an error shows the function of the caller that awaits the call', () => {
  test('a connection that is refused', async (t) => {
    await assertShown(callingGet(openClient(t), await deadOrigin()), callingGet, 'ConnectError')
  })

  const respond =
    (text: string) => async (t: TestContext, caller: Call, options?: ClientOptions) => {
      const { client, backend, clock } = scriptedClient(t, { timeout: 100, ...options })
      const call = caller(client, URL)
      call.catch(() => {})
      await settle()
      backend.socket.receive(text)
      await settle()
      await clock.advance(1000)
      return { call, client }
    }
  const cut = respond('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc')
  const invalid = respond('invalid')
  const gzip = respond('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc')
  const cases: [name: string, respond: typeof cut, options: ClientOptions, error: string][] = [
    ['a timeout of the response', respond(''), {}, 'ReadTimeout'],
    ['a timeout of the body', cut, {}, 'ReadTimeout'],
    ['a timeout of the call', respond(''), { timeout: { total: 50 } }, 'TotalTimeout'],
    ['a response that is not valid', invalid, {}, 'RemoteProtocolError'],
    ['content that cannot be decoded', gzip, {}, 'DecodingError'],
  ]
  for (const [name, run, options, error] of cases) {
    for (const caller of [callingGet, callingRead, callingIterBytes]) {
      test(`${name}, ${caller.name}`, async (t) => {
        const { call } = await run(t, caller, options)
        await assertShown(call, caller, error)
      })
    }
  }

  test('with a hook, auth and retries', async (t) => {
    const options: ClientOptions = {
      eventHooks: { request: [async () => {}], response: [async () => {}] },
      auth: async (request) => request,
      retries: 1,
    }
    const { call } = await invalid(t, callingGet, options)
    await assertShown(call, callingGet, 'RemoteProtocolError')
  })

  test('a client that is closed meanwhile', async (t) => {
    const { client } = scriptedClient(t)
    const call = callingGet(client, URL)
    call.catch(() => {})
    await settle()
    await client.close()
    await assertShown(call, callingGet, 'ClientClosed')
  })

  test('an error that is thrown again does not grow', async (t) => {
    const error = new ReadTimeout('thrown by a hook')
    const hook = () => {
      throw error
    }
    const client = openClient(t, { eventHooks: { request: [hook] } })
    await assert.rejects(callingGet(client, URL), (thrown) => thrown === error)
    const { stack } = error
    await assert.rejects(callingGet(client, URL), (thrown) => thrown === error)
    assert.equal(error.stack, stack)
  })
})
