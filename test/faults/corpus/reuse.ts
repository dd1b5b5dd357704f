import type { Exchange } from '../exchange.ts'
import { answer, BODY, chunked, OK } from '../exchange.ts'

const result = { status: 200, body: BODY }
const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'

/** Requests on a reused connection, which are sent again if that is safe. */
const onReusedConnection: readonly Exchange[] = [
  { name: 'GET', dispatch: () => ({}), answers: [OK], result },
  {
    name: 'HEAD',
    dispatch: () => ({ method: 'HEAD' }),
    answers: [{ head: 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n', framing: 'none' }],
    result: { status: 200 },
  },
  {
    name: 'DELETE in chunks',
    dispatch: () => ({ method: 'DELETE' }),
    answers: [
      {
        head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
        body: chunked(BODY, [5]),
        framing: 'chunked',
      },
    ],
    result,
  },
  {
    name: 'PUT of text',
    dispatch: () => ({ method: 'PUT', body: 'small' }),
    answers: [OK],
    result,
  },
  {
    name: 'PUT with Expect',
    dispatch: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: 'small' }),
    answers: [{ ...OK, interim: 'HTTP/1.1 100 Continue\r\n\r\n' }],
    result: { ...result, informational: 1 },
  },
  {
    name: 'PUT of an iterable',
    dispatch: () => ({ method: 'PUT', body: ['ab', 'cde'].values() }),
    answers: [OK],
    isOneShot: true,
    result,
  },
  {
    name: 'PUT of an array',
    dispatch: () => ({ method: 'PUT', body: ['ab', 'cde'] }),
    answers: [OK],
    result,
  },
  {
    name: 'POST of text',
    dispatch: () => ({ method: 'POST', body: 'small' }),
    answers: [OK],
    result,
  },
  {
    name: 'PATCH of nothing',
    dispatch: () => ({ method: 'PATCH' }),
    answers: [answer(202, [], BODY)],
    result: { status: 202, body: BODY },
  },
  {
    name: 'GET over TLS',
    scheme: 'https',
    dispatch: () => ({}),
    answers: [OK],
    result,
  },
]

/** Requests that wait for a poll before they use a connection again. */
const afterUnannouncedClose: readonly Exchange[] = onReusedConnection
  .filter(({ name }) => /^POST|^PATCH|iterable/.test(name))
  .concat([
    { name: 'POST over TLS', scheme: 'https', ...post(), result },
    { name: 'POST through a tunnel', scheme: 'https', route: 'tunnel', ...post(), result },
    { name: 'GET by a proxy', route: 'forward', dispatch: () => ({}), answers: [OK], result },
  ])

function post(): Pick<Exchange, 'dispatch' | 'answers'> {
  return { dispatch: () => ({ method: 'POST', body: 'small' }), answers: [OK] }
}

export const reuse: readonly Exchange[] = [
  ...onReusedConnection.map((exchange) => ({
    ...exchange,
    name: `${exchange.name}, on a reused connection`,
    warm: true,
  })),
  ...afterUnannouncedClose.map((exchange) => ({
    ...exchange,
    name: `${exchange.name}, after an unannounced close`,
    warm: true,
    closesWarm: true,
  })),
]

export const upgrades: readonly Exchange[] = [
  {
    name: 'Upgrade',
    dispatch: () => ({ headers: ['Upgrade', 'x'] }),
    answers: [{ head: UPGRADED, body: 'first bytes', framing: 'upgrade' }],
    result: { status: 101 },
  },
  {
    name: 'Upgrade, after a 103',
    dispatch: () => ({ headers: ['Upgrade', 'x'] }),
    answers: [
      { informational: 'HTTP/1.1 103 Hints\r\nA: b\r\n\r\n', head: UPGRADED, framing: 'upgrade' },
    ],
    result: { status: 101, informational: 1 },
  },
  {
    name: 'Upgrade that the server ignores',
    dispatch: () => ({ headers: ['Upgrade', 'x'] }),
    answers: [OK],
    result,
  },
  {
    name: 'CONNECT',
    dispatch: () => ({ method: 'CONNECT', path: 'far.test:443' }),
    answers: [
      { head: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', body: 'x', framing: 'upgrade' },
    ],
    result: { status: 200 },
  },
  {
    name: 'CONNECT that is refused',
    dispatch: () => ({ method: 'CONNECT', path: 'far.test:443' }),
    answers: [answer(403, [], BODY)],
    result: { status: 403, body: BODY },
  },
  {
    name: 'Upgrade, on a reused connection',
    warm: true,
    dispatch: () => ({ headers: ['Upgrade', 'x'] }),
    answers: [{ head: UPGRADED, framing: 'upgrade' }],
    result: { status: 101 },
  },
]
