import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { CookieJar } from 'tough-cookie'
import { retryDelayAfterResponse } from '../../src/client/retry.ts'
import type { Client, ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import {
  ClientClosed,
  ConnectError,
  Headers,
  HTTPStatusError,
  ReadError,
  TotalTimeout,
} from '../../src/index.ts'
import { openClient, recording } from './recorded.ts'
import type { Sent } from './scripted-web.ts'
import { RESET, reply, Web } from './scripted-web.ts'

const URL = 'http://h.test/'
const DATE = 'Date: Sun, 22 Nov 2026 10:00:00 GMT'
const ASCTIME = 'Date: Sun Nov 22 10:00:00 2026'

/** Creates servers that record the time of each request. */
function timed(answer: (sent: Sent, count: number) => string | null) {
  const times: number[] = []
  const web: Web = new Web((sent, count) => {
    times.push(web.clock.now())
    return answer(sent, count)
  })
  return { web, times }
}

describe('A5, 67 the delay before a retry', () => {
  const delays: readonly [name: string, fields: readonly string[], delay: number | null][] = [
    ['seconds', ['Retry-After: 7'], 7000],
    ['zero seconds', ['Retry-After: 0'], 0],
    ['a date', [DATE, 'Retry-After: Sun, 22 Nov 2026 10:00:03 GMT'], 3000],
    ['a date of RFC 850', [DATE, 'Retry-After: Sunday, 22-Nov-26 10:00:03 GMT'], 3000],
    ['a date in the past', [DATE, 'Retry-After: Sun, 22 Nov 2026 09:00:00 GMT'], 0],
    ['two minutes', ['Retry-After: 120'], 120_000],
    ['more than two minutes', ['Retry-After: 121'], null],
    ['a very large number', ['Retry-After: 99999999999999999999'], null],
    ['a date in the past, without Date', ['Retry-After: Sun, 06 Nov 1994 08:49:37 GMT'], 0],
    [
      'a date far in the future, without Date',
      ['Retry-After: Fri, 31 Dec 9999 23:59:59 GMT'],
      null,
    ],
    ['a date of asctime', [ASCTIME, 'Retry-After: Sun Nov 22 10:00:03 2026'], 3000],
    [
      'a date of asctime with one digit, without Date',
      ['Retry-After: Sun Nov  6 08:49:37 1994'],
      0,
    ],
    ['two identical fields', ['Retry-After: 7', 'Retry-After: 7', DATE, DATE], 7000],
    ['a date too far in the future', [DATE, 'Retry-After: Sun, 22 Nov 2026 11:00:00 GMT'], null],
  ]
  for (const status of [429, 503]) {
    for (const [name, fields, delay] of delays) {
      test(`${status} with ${name}`, async () => {
        const { web, times } = timed((_, count) =>
          count === 1 ? reply(status, fields) : reply(200),
        )
        const client = web.client({ retries: 1, timeout: null })
        const response = await web.within(130_000, client.get(URL))
        assert.equal(response.status, delay === null ? status : 200)
        assert.deepEqual(times, delay === null ? [0] : [0, delay])
        assert.equal(web.backend.holdCount, 0)
      })
    }
  }

  const invalid: readonly (readonly string[])[] = [
    [],
    [DATE, 'Retry-After: 1.5'],
    [DATE, 'Retry-After: -1'],
    [DATE, 'Retry-After: soon 1'],
    [DATE, 'Retry-After: 1, 2'],
    ['Retry-After: Sun, 99 Nov 2026 10:00:03 GMT'],
    ['Retry-After: Sun Nov 99 10:00:03 2026'],
    [DATE, 'Retry-After: Sun, 99 Nov 2026 10:00:03 GMT'],
    ['Retry-After:'],
  ]
  for (const fields of invalid) {
    test(`backoff with the fields ${inspect(fields)}`, async () => {
      const { web, times } = timed(() => reply(503, fields))
      const client = web.client({ retries: 8, timeout: null })
      const response = await web.within(60_000, client.get(URL))
      assert.equal(response.status, 503)
      assert.equal(times.length, 9)
      const delays = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]
      for (const [i, max] of delays.entries()) {
        const delay = (times[i + 1] as number) - (times[i] as number)
        assert.ok(delay >= max / 2 && delay <= max, `${delay} of ${max}`)
      }
    })
  }

  for (const fields of [[], ['Date: yesterday, GMT']]) {
    test(`a date is counted from the receipt without a valid Date: ${inspect(fields)}`, async () => {
      let sentAt = 0
      const { web, times } = timed((_, count) => {
        if (count > 1) return reply(200)
        sentAt = Date.now()
        return reply(503, [...fields, `Retry-After: ${new Date(sentAt + 60_000).toUTCString()}`])
      })
      const client = web.client({ retries: 1, timeout: null })
      assert.equal((await web.within(61_000, client.get(URL))).status, 200)
      const late = Date.now() - sentAt
      const [, retriedAt = 0] = times
      // The date has no milliseconds.
      assert.ok(retriedAt <= 60_000 && retriedAt > 59_000 - late, `${retriedAt}`)
    })
  }

  test('the receipt, not the call, is the beginning', () => {
    const response = (retryAfter: string) => ({
      status: 503,
      headers: new Headers([['Retry-After', retryAfter]]),
    })
    const date = 'Sun, 22 Nov 2026 10:00:03 GMT'
    const time = Date.parse(date)
    const delayAt = (now: number) =>
      retryDelayAfterResponse({ method: 'GET' }, response(date), 0, now)
    assert.equal(delayAt(time - 3000), 3000)
    assert.equal(delayAt(time), 0)
    assert.equal(delayAt(time + 1), 0)
    assert.equal(delayAt(time - 120_000), 120_000)
    assert.equal(delayAt(time - 120_001), null)
  })

  test('retries: Infinity still waits between attempts', async () => {
    const { web, times } = timed((_, count) => (count <= 20 ? reply(503) : reply(200)))
    const client = web.client({ retries: Infinity, timeout: null })
    assert.equal((await web.within(200_000, client.get(URL))).status, 200)
    assert.equal(times.length, 21)
    assert.ok((times[20] as number) - (times[19] as number) >= 4000)
  })
})

describe('the number of retries', () => {
  const counts: readonly [
    name: string,
    client: ClientOptions,
    request: RequestOptions,
    times: number,
  ][] = [
    ['none by default', {}, {}, 1],
    ['of the client', { retries: 2 }, {}, 3],
    ['of the request', { retries: 2 }, { retries: 1 }, 2],
    ['switched off', { retries: 2 }, { retries: 0 }, 1],
    ['switched off by null', { retries: 2 }, { retries: null }, 1],
    ['null in the client', { retries: null }, {}, 1],
    ['undefined is not given', { retries: 2 }, { retries: undefined }, 3],
  ]
  for (const [name, options, request, times] of counts) {
    test(name, async () => {
      const { web } = timed(() => reply(503, ['Retry-After: 0']))
      const response = await web.within(10, web.client(options).get(URL, request))
      assert.equal(response.status, 503)
      assert.equal(web.sent.length, times)
    })
  }

  test('of buildRequest', async () => {
    const { web } = timed(() => reply(503, ['Retry-After: 0']))
    const client = web.client()
    await web.within(10, client.send(client.buildRequest('GET', URL, { retries: 2 })))
    assert.equal(web.sent.length, 3)
  })
})

describe('R13 which requests are repeated', () => {
  const repeated = [
    ...['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'QUERY'],
    // WebDAV, versioning, calendars, links
    ...['ACL', 'BASELINE-CONTROL', 'BIND', 'CHECKIN', 'CHECKOUT', 'COPY', 'LABEL', 'LINK', 'MERGE'],
    ...['MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MKREDIRECTREF', 'MKWORKSPACE', 'MOVE', 'ORDERPATCH'],
    ...['PROPFIND', 'PROPPATCH', 'REBIND', 'REPORT', 'SEARCH', 'UNBIND', 'UNCHECKOUT', 'UNLINK'],
    ...['UNLOCK', 'UPDATE', 'UPDATEREDIRECTREF', 'VERSION-CONTROL'],
  ]
  // Methods are case-sensitive, so `query` is an unknown method.
  const never = ['POST', 'PATCH', 'LOCK', 'PROPOSE', 'query', 'Propfind']
  for (const method of [...repeated, ...never]) {
    const verb = repeated.includes(method) ? 'is' : 'is not'
    test(`R13, 49 ${method} ${verb} repeated after 503`, async () => {
      const { web } = timed((_, count) =>
        count === 1 ? 'HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n' : reply(204),
      )
      const content = method === 'GET' || method === 'HEAD' ? null : 'text'
      const client = web.client({ retries: 3 })
      const response = await web.within(10, client.request(method, URL, { content }))
      assert.equal(response.status, repeated.includes(method) ? 204 : 503)
      if (content !== null) assert.ok(web.sent.every((sent) => sent.content === content))
      assert.deepEqual(response.history, [])
    })
  }

  for (const status of [200, 400, 408, 500, 502, 504]) {
    test(`none is repeated after ${status}`, async () => {
      const { web } = timed(() => reply(status, ['Retry-After: 0']))
      await web.within(10, web.client({ retries: 3 }).get(URL))
      assert.equal(web.sent.length, 1)
    })
  }

  test('a body that can be sent only once is not sent again: the first outcome is the result', async () => {
    const put = async (answer: string) => {
      const { web } = timed(() => answer)
      const call = web.client({ retries: 3 }).put(URL, { content: Readable.from(['once']) })
      const response = await web.within(10_000, call)
      assert.equal(web.sent.length, 1)
      return response
    }
    assert.equal((await put(reply(503, ['Retry-After: 0']))).status, 503)
    await assert.rejects(put(RESET), ReadError)
  })

  test('a replayable body is sent again', async () => {
    const { web } = timed((_, count) => (count < 3 ? reply(503, ['Retry-After: 0']) : reply(200)))
    const client = web.client({ retries: 3 })
    await web.within(10, client.put(URL, { content: new Blob(['blob']) }))
    assert.deepEqual(
      web.sent.map(({ content }) => content),
      ['blob', 'blob', 'blob'],
    )
  })

  const failures: readonly [method: string, times: number][] = [
    ['GET', 4],
    ['PUT', 4],
    ['PROPFIND', 4],
    ['POST', 1],
    ['LOCK', 1],
  ]
  for (const [method, times] of failures) {
    test(`${method} after a connection reset`, async () => {
      const { web } = timed(() => RESET)
      const call = web.within(20_000, web.client({ retries: 3 }).request(method, URL))
      await assert.rejects(call, ReadError)
      assert.equal(web.sent.length, times)
      assert.equal(web.backend.holdCount, 0)
    })
  }

  test('no retry after an abort, or after an error of a hook', async () => {
    const reason = new Error('aborted')
    let hooked = 0
    const { web } = timed(() => reply(200))
    const eventHooks = {
      request: [
        () => {
          hooked++
          throw reason
        },
      ],
    }
    const client = web.client({ retries: 3, eventHooks })
    await assert.rejects(web.within(100, client.get(URL)), reason)
    assert.equal(hooked, 1)
    const other = web.client({ retries: 3 })
    const signal = AbortSignal.abort(reason)
    await assert.rejects(web.within(100, other.get(URL, { signal })), reason)
    assert.equal(web.sent.length, 0)
  })

  test('each attempt runs request hooks, and sends cookies of earlier responses', async () => {
    let hooked = 0
    const { web } = timed((_, count) =>
      count === 1 ? reply(503, ['Retry-After: 0', 'Set-Cookie: a=1']) : reply(200),
    )
    const client = web.client({ retries: 3, eventHooks: { request: [() => hooked++] } })
    await web.within(10, client.get(URL))
    assert.equal(web.sent[1]?.headers.get('cookie'), 'a=1')
    assert.equal(hooked, 2)
  })

  test('response hooks run after all retries, so that one that throws does not prevent them', async () => {
    const statuses: number[] = []
    const hook = (response: Response) => {
      statuses.push(response.status)
      response.raiseForStatus()
    }
    const { web } = timed((_, count) =>
      reply(count === 2 ? 200 : 503, count === 2 ? [] : ['Retry-After: 0']),
    )
    const client = web.client({ retries: 1, eventHooks: { response: [hook] } })
    assert.equal((await web.within(10, client.get(URL))).status, 200)
    await assert.rejects(web.within(10, client.get(URL)), HTTPStatusError)
    assert.deepEqual(statuses, [200, 503])
    assert.equal(web.sent.length, 4)
  })

  test('a response that is too large to be drained releases its connection', async (t) => {
    const { origin } = await recording(t, (_, count) =>
      count === 1 ? [503, { 'retry-after': '0' }, 'x'.repeat(1_000_000)] : [200],
    )
    const client = openClient(t, { retries: 1, poolLimits: { maxConnections: 1 } })
    assert.equal((await client.get(origin)).status, 200)
    assert.match(inspect(client), /0 connecting, 0 active/)
  })
})

describe('failures to connect', () => {
  /** Creates a client whose first `count` connections are refused. */
  function refusing(count: number, options: ClientOptions): { web: Web; client: Client } {
    const web = new Web(() => reply(200))
    const { backend } = web
    backend.autoConnect = false
    const connect = backend.connect.bind(backend)
    let remaining = count
    backend.connect = (...args) => {
      const socket = connect(...args)
      queueMicrotask(() =>
        remaining-- > 0 ? socket.reset(new Error('refused')) : socket.connected(),
      )
      return socket
    }
    return { web, client: web.client(options) }
  }

  for (const method of ['GET', 'POST']) {
    test(`${method}: refused twice, then accepted`, async () => {
      const { web, client } = refusing(2, { retries: 2 })
      const response = await web.within(10_000, client.request(method, URL))
      assert.equal(response.status, 200)
      assert.equal(web.backend.sockets.length, 3)
      const { callElapsed } = response
      assert.ok(callElapsed >= 125 + 250, `${callElapsed}`)
      assert.equal(response.elapsed, 0)
    })
  }

  test('POST: ConnectTimeout, then accepted', async () => {
    const web = new Web(() => reply(200))
    web.backend.autoConnect = false
    const client = web.client({ retries: 1, timeout: { connect: 100 } })
    const call = client.post(URL, { content: 'text' })
    await web.serve()
    await web.clock.advance(100)
    web.backend.autoConnect = true
    const response = await web.within(1000, call)
    assert.equal(response.status, 200)
    assert.equal(web.backend.sockets.length, 2)
    assert.equal(web.sent[0]?.content, 'text')
  })

  test('the last failure is the result', async () => {
    const { web, client } = refusing(9, { retries: 2 })
    await assert.rejects(web.within(10_000, client.get(URL)), ConnectError)
    assert.equal(web.backend.sockets.length, 3)
    assert.equal(web.backend.holdCount, 0)
  })
})

test('after the replay of the engine on a new connection, the client retries', async () => {
  const { web } = timed((_, count) => (count === 2 || count === 3 ? RESET : reply(200)))
  const client = web.client({ retries: 1 })
  await web.within(10, client.get(URL))
  // The engine replays the request on a new connection. That fails too, so the client retries.
  const response = await web.within(10_000, client.get(URL))
  assert.equal(response.status, 200)
  assert.equal(web.sent.length, 4)
})

describe('the delay ends early', () => {
  const answer = () => reply(503, ['Retry-After: 60', 'Set-Cookie: a=1'])
  /** Calls `act` when a cookie is stored: after the response, before the delay. */
  const whenStored = (act: () => void) => Object.assign(new CookieJar(), { setCookieSync: act })

  test('if the signal is aborted', async () => {
    const { web } = timed(answer)
    const client = web.client({ retries: 3 })
    const controller = new AbortController()
    const call = client.get(URL, { signal: controller.signal })
    await web.serve()
    assert.equal(web.backend.holdCount, 1)
    const reason = new Error('aborted')
    controller.abort(reason)
    await assert.rejects(call, reason)
    assert.equal(web.backend.holdCount, 0)
    assert.equal(web.sent.length, 1)
  })

  test('if the signal is aborted just before the delay', async () => {
    const { web } = timed(answer)
    const controller = new AbortController()
    const reason = new Error('aborted')
    const cookies = whenStored(() => controller.abort(reason))
    const client = web.client({ retries: 3, cookies })
    await assert.rejects(web.during(client.get(URL, { signal: controller.signal })), reason)
    assert.equal(web.backend.holdCount, 0)
  })

  test('the listener on the signal is removed after the delay', async () => {
    const { web } = timed((_, count) => (count === 1 ? answer() : reply(200)))
    const { signal } = new AbortController()
    const call = web.client({ retries: 3 }).get(URL, { signal })
    await web.serve()
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await web.within(60_000, call)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('the signal of many calls has one listener', async (t) => {
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    t.after(() => process.off('warning', listen))
    const { web } = timed(answer)
    const client = web.client({ retries: 3 })
    const controller = new AbortController()
    const calls = Array.from({ length: 30 }, () => client.get(URL, { signal: controller.signal }))
    for (const call of calls) call.catch(() => {})
    await web.serve()
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
    controller.abort(new Error('aborted'))
    for (const call of calls) await assert.rejects(call, /aborted/)
    await web.serve()
    assert.deepEqual(warnings, [])
    assert.equal(web.backend.holdCount, 0)
  })

  test('if the client is closed', async () => {
    const { web } = timed(answer)
    const client = web.client({ retries: 3 })
    const call = client.get(URL)
    await web.serve()
    await client.close()
    await assert.rejects(call, ClientClosed)
    assert.equal(web.backend.holdCount, 0)
    assert.equal(web.clock.armedTimers, 0)
  })

  test('if the client is closed just before the delay', async () => {
    const { web } = timed(answer)
    const cookies = whenStored(() => void client.close())
    const client = web.client({ retries: 3, cookies })
    await assert.rejects(web.during(client.get(URL)), ClientClosed)
    assert.equal(web.backend.holdCount, 0)
  })

  test('total: without time for the delay, the response is the result', async () => {
    const { web } = timed(answer)
    const client = web.client({ retries: 3, timeout: { total: 60_000 } })
    const response = await web.during(client.get(URL))
    assert.equal(response.status, 503)
    assert.equal(web.clock.now(), 0)
  })

  test('total: without time for the delay, the error is the result', async () => {
    const { web } = timed(() => RESET)
    const client = web.client({ retries: 3, timeout: { total: 100 } })
    await assert.rejects(web.during(client.get(URL)), ReadError)
    assert.equal(web.sent.length, 1)
  })

  test('total: includes the delay', async () => {
    const { web } = timed((_, count) => (count === 1 ? reply(503, ['Retry-After: 60']) : null))
    const client = web.client({ retries: 3, timeout: { total: 60_500, read: null } })
    await assert.rejects(web.within(70_000, client.get(URL)), (error: unknown) => {
      assert.ok(error instanceof TotalTimeout)
      assert.match(error.message, /^The request did not complete within 60500 ms/)
      return true
    })
  })

  test('the process is kept alive only during the delay', async () => {
    const { web } = timed((_, count) => (count === 1 ? reply(503, ['Retry-After: 1']) : reply(200)))
    const client = web.client({ retries: 1 })
    const call = client.get(URL)
    await web.serve()
    await web.clock.advance(999)
    assert.equal(web.backend.holdCount, 1)
    await web.clock.advance(1)
    await web.during(call)
    assert.equal(web.backend.holdCount, 0)
  })
})
