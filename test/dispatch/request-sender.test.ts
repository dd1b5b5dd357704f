import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts'
import { MockDispatcher } from '../../src/dispatch/in-process/mock-dispatcher.ts'
import { toRequestSender } from '../../src/dispatch/request-sender.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../../src/engine.ts'
import {
  ClientClosed,
  ConnectionPool,
  HawserError,
  Headers,
  RemoteProtocolError,
} from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { deferred, ORIGIN, readSlowly, sendTo } from './send-to-app.ts'

type TestContext = Parameters<typeof sendTo>[0]
type Dispatch = Dispatcher['dispatch']

const head = { status: 200, statusText: 'OK', httpVersion: '1.1', headers: new Headers() }
const control: DispatchControl = { resume() {}, abort() {} }

function sendToCustom(t: TestContext, dispatch: Dispatch) {
  return sendTo(t, toRequestSender({ dispatch, close: async () => {} }))
}

/** A dispatcher that calls the methods of its handler after `dispatch` has returned. */
function callingLater(callHandler: (handler: DispatchHandler) => void): Dispatch {
  return (_, handler) => {
    setImmediate(callHandler, handler)
    return control
  }
}

test('a custom dispatcher gets the headers of a client as a flat list', async () => {
  const requests: DispatchRequest[] = []
  const dispatch: Dispatch = (request, handler) => {
    requests.push(request)
    return callingLater((later) => later.onError(new Error('no answer')))(request, handler)
  }
  const client = new Client({ trustEnv: false, dispatcher: { dispatch, close: async () => {} } })
  await assert.rejects(client.get(ORIGIN, { headers: { 'x-a': 'b' } }), /no answer/)
  await client.close()
  const [headers] = requests.map((request) => request.headers as readonly string[])
  assert.ok(Array.isArray(headers))
  assert.deepEqual(headers.slice(0, 2), ['accept', '*/*'])
  assert.deepEqual(headers.slice(-2), ['x-a', 'b'])
})

describe('built-in dispatchers', () => {
  test('pools, apps and mocks are not wrapped', async () => {
    const dispatchers = [
      new ConnectionPool(),
      new AppDispatcher({ app: () => {} }),
      new MockDispatcher(() => ({})),
    ]
    for (const dispatcher of dispatchers) {
      assert.equal(toRequestSender(dispatcher), dispatcher)
      await dispatcher.close()
    }
  })

  test('a subclass that overrides dispatch is called', async (t) => {
    const paths: string[] = []
    class Logging extends MockDispatcher {
      override dispatch(request: DispatchRequest, handler: DispatchHandler) {
        paths.push(request.path)
        return super.dispatch(request, handler)
      }
    }
    const call = sendTo(t, toRequestSender(new Logging(() => ({ text: 'mock' }))))
    assert.equal(await (await call('/logged')).text(), 'mock')
    assert.deepEqual(paths, ['/logged'])
  })

  for (const given of [undefined, null, {}, { dispatch() {} }, { close() {} }]) {
    test(`${JSON.stringify(given)} is a TypeError`, () => {
      assert.throws(() => toRequestSender(given as never), {
        name: 'TypeError',
        message: /dispatch/,
      })
    })
  }
})

test('30 a custom dispatcher decides whether Proxy-Authorization is allowed', async (t) => {
  const { origin } = await httpServer(t, (_, response) => response.end())
  const headers = { 'proxy-authorization': 'Basic eDp5' }
  for (const [options, error] of [
    [{ proxy: origin }, null],
    [{}, /Proxy-Authorization must not be sent to an origin/],
  ] as const) {
    const pool = new ConnectionPool(options)
    const dispatch: Dispatch = (request, handler) => pool.dispatch(request, handler)
    const call = sendTo(t, toRequestSender({ dispatch, close: () => pool.close() }))
    if (error === null) assert.equal((await call('/', { origin, headers })).status, 200)
    else await assert.rejects(call('/', { origin, headers }), error)
  }
})

describe('a custom dispatcher that uses a pool', () => {
  function wrapPool(t: TestContext, listener: Parameters<typeof httpServer>[1]) {
    const pool = new ConnectionPool()
    const dispatch: Dispatch = (request, handler) => pool.dispatch(request, handler)
    const call = sendTo(t, toRequestSender({ dispatch, close: () => pool.close() }))
    return httpServer(t, listener).then(({ origin }) => ({ pool, call, origin }))
  }

  test('returns the same response', async (t) => {
    const { call, origin } = await wrapPool(t, (request, response) => {
      response.writeHead(201, 'Made', { 'x-a': ['1', '2'], trailer: 'x-sum' })
      response.write(JSON.stringify(request.url))
      response.addTrailers({ 'x-sum': '1' })
      response.end()
    })
    const response = await call('/x', { origin })
    assert.deepEqual([response.status, response.statusText], [201, 'Made'])
    assert.deepEqual(response.headers.getAll('x-a'), ['1', '2'])
    assert.equal(await response.json(), '/x')
    assert.equal(response.trailers?.get('x-sum'), '1')
  })

  test('applies backpressure', async (t) => {
    let written = 0
    const { call, origin } = await wrapPool(t, (_, response) => {
      const more = () => {
        while (written < 20 << 20) {
          written += 65_536
          if (!response.write(Buffer.alloc(65_536))) return response.once('drain', more)
        }
        return response.end()
      }
      more()
    })
    const response = await call('/', { origin })
    const before = written
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
    assert.ok(
      written < 20 << 20,
      `${written - before} more bytes were written while nobody was reading`,
    )
    const { read } = await readSlowly(response, () => 0)
    assert.equal(read, 20 << 20)
  })

  test('closing a response and aborting a call reach the pool', async (t) => {
    const arrived = deferred()
    const { call, origin, pool } = await wrapPool(t, (request, response) => {
      if (request.url === '/waits') arrived.resolve()
      else response.write(Buffer.alloc(1 << 20))
    })
    ;(await call('/large', { origin })).close()
    const controller = new AbortController()
    const waiting = call('/waits', { origin, signal: controller.signal })
    await arrived.promise
    controller.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    await new Promise(setImmediate)
    pool.assertQuiescent()
  })
})

describe('a dispatcher that breaks its contract', () => {
  const boom = new Error('boom')
  const bytes = (text: string) => Buffer.from(text)

  const failing: [what: string, dispatch: Dispatch, error: object][] = [
    [
      'throws',
      () => {
        throw boom
      },
      boom,
    ], // prettier-ignore
    [
      'returns no control',
      () => undefined as never,
      { message: /must return .* resume and abort/ },
    ],
    ['ends without a head', callingLater((to) => to.onEnd(new Headers())), RemoteProtocolError],
    [
      'delivers content without a head',
      callingLater((to) => to.onData(bytes('a'))),
      RemoteProtocolError,
    ],
    [
      'calls onHead without a head',
      callingLater((to) => to.onHead(null as never)),
      RemoteProtocolError,
    ],
    [
      'delivers a head with status 101',
      callingLater((to) => to.onHead({ ...head, status: 101 })),
      /101/,
    ],
    [
      'delivers content that is not bytes',
      callingLater((to) => {
        to.onHead(head)
        to.onData('a' as never)
      }),
      /expected Uint8Array/,
    ], // prettier-ignore
    [
      'delivers two heads',
      callingLater((to) => {
        to.onHead(head)
        to.onHead(head)
      }),
      /second head/,
    ], // prettier-ignore
    ['fails without an error', callingLater((to) => to.onError(undefined)), HawserError],
    ['fails', callingLater((to) => to.onError(boom)), boom],
    [
      'delivers less than its Content-Length',
      callingLater((to) => {
        to.onHead({ ...head, headers: new Headers({ 'content-length': 2 }) })
        to.onData(bytes('a'))
        to.onEnd(new Headers())
      }),
      /1 bytes shorter/,
    ],
    [
      'fails after the head',
      callingLater((to) => {
        to.onHead(head)
        to.onError(boom)
      }),
      boom,
    ],
  ]
  for (const [what, dispatch, error] of failing) {
    test(what, async (t) => {
      const call = sendToCustom(t, dispatch)
      await assert.rejects(async () => (await call('/')).bytes(), error)
    })
  }

  const tolerated: [what: string, dispatch: Dispatch][] = [
    [
      'calls its handler inside dispatch',
      (_, to) => {
        to.onHead(head)
        to.onData(bytes('body'))
        to.onEnd(new Headers())
        return control
      },
    ],
    [
      'calls its handler after the end',
      callingLater((to) => {
        to.onHead(head)
        to.onData(bytes('body'))
        to.onEnd(new Headers())
        to.onEnd(new Headers())
        to.onError(boom)
        to.onHead(head)
        to.onData(bytes('more'))
      }),
    ],
    [
      'reuses its buffer',
      callingLater((to) => {
        const buffer = bytes('bo')
        to.onHead(head)
        to.onData(buffer)
        buffer.write('dy')
        to.onData(buffer)
        buffer.fill(0)
        to.onEnd(new Headers())
      }),
    ],
    [
      'calls handler methods without this, and ends without trailers',
      callingLater(({ onHead, onData, onEnd }) => {
        onHead(head)
        onData(bytes('body'))
        onEnd(undefined as never)
      }),
    ],
  ]
  for (const [what, dispatch] of tolerated) {
    test(`${what}: the response is complete`, async (t) => {
      const response = await sendToCustom(t, dispatch)('/')
      await new Promise(setImmediate)
      assert.equal(await response.text(), 'body')
    })
  }

  test('has a control that throws', async (t) => {
    const throwing = () => {
      throw boom
    }
    const call = sendToCustom(t, (_, to) => {
      setImmediate(() => {
        to.onHead(head)
        for (let i = 0; i < 3; i++) to.onData(Buffer.alloc(65_536))
      })
      return { resume: throwing, abort: throwing }
    })
    const response = await call('/')
    await new Promise(setImmediate)
    await assert.rejects(response.bytes(), boom)
    ;(await call('/')).close()
  })

  test('never answers: is aborted by signal, total timeout and close', async (t) => {
    let aborted = 0
    const call = sendToCustom(t, () => ({ resume() {}, abort: () => void aborted++ }))
    const controller = new AbortController()
    const signalled = call('/', { signal: controller.signal })
    await new Promise(setImmediate)
    controller.abort(boom)
    await assert.rejects(signalled, boom)
    const timeouts = { total: 1 }
    await assert.rejects(call('/', { timeouts }), { code: 'HAWSER_TOTAL_TIMEOUT' })
    const open = assert.rejects(call('/'), ClientClosed)
    await new Promise(setImmediate)
    await call.sender.close()
    await open
    assert.equal(aborted, 3)
  })

  test('is not called for requests that are not valid', async (t) => {
    const call = sendToCustom(t, () => assert.fail('called'))
    await assert.rejects(call('/ /'), { code: 'HAWSER_LOCAL_PROTOCOL_ERROR' })
    await assert.rejects(call('/', { origin: `${ORIGIN}/x` }), { code: 'HAWSER_INVALID_URL' })
  })
})
