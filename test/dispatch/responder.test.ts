import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts'
import { MockDispatcher } from '../../src/dispatch/local/mock-dispatcher.ts'
import { responderOf } from '../../src/dispatch/responder.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../../src/engine.ts'
import {
  ClientClosed,
  ConnectionPool,
  HawserError,
  Headers,
  RemoteProtocolError,
} from '../../src/engine.ts'
import { httpServer } from '../engine/servers.ts'
import { ask, gate, ORIGIN, readSlowly } from './apps.ts'

type TestContext = Parameters<typeof ask>[0]
type Dispatch = Dispatcher['dispatch']

const head = { status: 200, statusText: 'OK', httpVersion: '1.1', headers: new Headers() }
const control: DispatchControl = { resume() {}, abort() {} }

function foreign(t: TestContext, dispatch: Dispatch) {
  return ask(t, responderOf({ dispatch, close: async () => {} }))
}

/** A dispatcher that calls, later, what `play` calls. */
function playing(play: (handler: DispatchHandler) => void): Dispatch {
  return (_, handler) => {
    setImmediate(play, handler)
    return control
  }
}

describe('its own', () => {
  test('pools, apps and mocks answer by themselves', async () => {
    const own = [
      new ConnectionPool(),
      new AppDispatcher({ app: () => {} }),
      new MockDispatcher(() => ({})),
    ]
    for (const dispatcher of own) {
      assert.equal(responderOf(dispatcher), dispatcher)
      await dispatcher.close()
    }
  })

  test('a subclass with a dispatch of its own is asked', async (t) => {
    const paths: string[] = []
    class Logging extends MockDispatcher {
      override dispatch(request: DispatchRequest, handler: DispatchHandler) {
        paths.push(request.path)
        return super.dispatch(request, handler)
      }
    }
    const call = ask(t, responderOf(new Logging(() => ({ text: 'mock' }))))
    assert.equal(await (await call('/logged')).text(), 'mock')
    assert.deepEqual(paths, ['/logged'])
  })

  for (const given of [undefined, null, {}, { dispatch() {} }, { close() {} }]) {
    test(`not ${JSON.stringify(given)}`, () => {
      assert.throws(() => responderOf(given as never), { name: 'TypeError', message: /dispatch/ })
    })
  }
})

test('30 whether Proxy-Authorization may go along is for whom it goes to to say', async (t) => {
  const { origin } = await httpServer(t, (_, response) => response.end())
  const headers = { 'proxy-authorization': 'Basic eDp5' }
  for (const [options, error] of [
    [{ proxy: origin }, null],
    [{}, /Proxy-Authorization is for a proxy/],
  ] as const) {
    const pool = new ConnectionPool(options)
    const dispatch: Dispatch = (request, handler) => pool.dispatch(request, handler)
    const call = ask(t, responderOf({ dispatch, close: () => pool.close() }))
    if (error === null) assert.equal((await call('/', { origin, headers })).status, 200)
    else await assert.rejects(call('/', { origin, headers }), error)
  }
})

describe('a foreign one in front of a pool', () => {
  function wrapped(t: TestContext, listener: Parameters<typeof httpServer>[1]) {
    const pool = new ConnectionPool()
    const dispatch: Dispatch = (request, handler) => pool.dispatch(request, handler)
    const call = ask(t, responderOf({ dispatch, close: () => pool.close() }))
    return httpServer(t, listener).then(({ origin }) => ({ pool, call, origin }))
  }

  test('the same response, by the same methods', async (t) => {
    const { call, origin } = await wrapped(t, (request, response) => {
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

  test('as fast as it is read', async (t) => {
    let written = 0
    const { call, origin } = await wrapped(t, (_, response) => {
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
    assert.ok(written < 20 << 20, `${written - before} more were written with nobody reading`)
    const { read } = await readSlowly(response, () => 0)
    assert.equal(read, 20 << 20)
  })

  test('closing a response, and aborting a call, reach the pool', async (t) => {
    const arrived = gate()
    const { call, origin, pool } = await wrapped(t, (request, response) => {
      if (request.url === '/waits') arrived.open()
      else response.write(Buffer.alloc(1 << 20))
    })
    ;(await call('/large', { origin })).close()
    const controller = new AbortController()
    const waiting = call('/waits', { origin, signal: controller.signal })
    await arrived.opened
    controller.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    await new Promise(setImmediate)
    pool.assertQuiescent()
  })
})

describe('one that does not keep to the contract', () => {
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
    ['returns no control', () => undefined as never, { message: /return \{ resume, abort \}/ }],
    ['ends without a head', playing((to) => to.onEnd(new Headers())), RemoteProtocolError],
    ['gives content without a head', playing((to) => to.onData(bytes('a'))), RemoteProtocolError],
    ['gives no head', playing((to) => to.onHead(null as never)), RemoteProtocolError],
    ['gives a head of 101', playing((to) => to.onHead({ ...head, status: 101 })), /101/],
    [
      'gives no bytes',
      playing((to) => {
        to.onHead(head)
        to.onData('a' as never)
      }),
      /not bytes/,
    ], // prettier-ignore
    [
      'gives two heads',
      playing((to) => {
        to.onHead(head)
        to.onHead(head)
      }),
      /second head/,
    ], // prettier-ignore
    ['fails with nothing', playing((to) => to.onError(undefined)), HawserError],
    ['fails', playing((to) => to.onError(boom)), boom],
    [
      'gives less than its Content-Length',
      playing((to) => {
        to.onHead({ ...head, headers: new Headers({ 'content-length': 2 }) })
        to.onData(bytes('a'))
        to.onEnd(new Headers())
      }),
      /1 bytes before/,
    ],
    [
      'fails in the middle',
      playing((to) => {
        to.onHead(head)
        to.onError(boom)
      }),
      boom,
    ],
  ]
  for (const [what, dispatch, error] of failing) {
    test(what, async (t) => {
      const call = foreign(t, dispatch)
      await assert.rejects(async () => (await call('/')).bytes(), error)
    })
  }

  const fine: [what: string, dispatch: Dispatch][] = [
    [
      'calls everything within dispatch',
      (_, to) => {
        to.onHead(head)
        to.onData(bytes('body'))
        to.onEnd(new Headers())
        return control
      },
    ],
    [
      'goes on after the end',
      playing((to) => {
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
      'uses its buffer again',
      playing((to) => {
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
      'calls without this, and ends without trailers',
      playing(({ onHead, onData, onEnd }) => {
        onHead(head)
        onData(bytes('body'))
        onEnd(undefined as never)
      }),
    ],
  ]
  for (const [what, dispatch] of fine) {
    test(`${what}: a response all the same`, async (t) => {
      const response = await foreign(t, dispatch)('/')
      await new Promise(setImmediate)
      assert.equal(await response.text(), 'body')
    })
  }

  test('one whose control throws', async (t) => {
    const throwing = () => {
      throw boom
    }
    const call = foreign(t, (_, to) => {
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

  test('one that never answers is aborted by signal, total and close', async (t) => {
    let aborted = 0
    const call = foreign(t, () => ({ resume() {}, abort: () => void aborted++ }))
    const controller = new AbortController()
    const signalled = call('/', { signal: controller.signal })
    await new Promise(setImmediate)
    controller.abort(boom)
    await assert.rejects(signalled, boom)
    const timeouts = { total: 1 }
    await assert.rejects(call('/', { timeouts }), { code: 'HAWSER_TOTAL_TIMEOUT' })
    const open = assert.rejects(call('/'), ClientClosed)
    await new Promise(setImmediate)
    await call.responder.close()
    await open
    assert.equal(aborted, 3)
  })

  test('it is not asked for what HTTP does not allow', async (t) => {
    const call = foreign(t, () => assert.fail('asked'))
    await assert.rejects(call('/ /'), { code: 'HAWSER_LOCAL_PROTOCOL_ERROR' })
    await assert.rejects(call('/', { origin: `${ORIGIN}/x` }), { code: 'HAWSER_INVALID_URL' })
  })
})
