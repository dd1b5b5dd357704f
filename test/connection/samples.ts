import type { DispatchRequest } from '../../src/engine.ts'
import type { HandlerActions } from '../support/pool-harness.ts'

/** A complete exchange. There is one of each kind. */
export interface Sample {
  readonly name: string
  /** Creates the request each time, because some bodies can be read only once. */
  readonly request: () => Partial<DispatchRequest>
  /** The 1xx responses. */
  readonly before: string
  /** The final head. */
  readonly head: string
  /** The bytes after the head. */
  readonly afterHead: string
  /** The body, without framing. */
  readonly body: string
  readonly untilClose: boolean
  readonly upgrade: boolean
  /** Whether the request may be sent again before a byte of the response. RFC 9110 9.2.2 */
  readonly repeatable: boolean
  /** The bytes that must be sent after the head of the request. */
  readonly content: string
  readonly trailers: readonly [string, string][]
}

const plain = {
  request: () => ({}),
  before: '',
  afterHead: '',
  body: '',
  untilClose: false,
  upgrade: false,
  repeatable: true,
  content: '',
  trailers: [],
}

const HELLO = {
  head: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
  afterHead: 'hello',
  body: 'hello',
}

const BIG = Buffer.alloc(20_000, 'x')

export const samples: readonly Sample[] = [
  { ...plain, name: 'GET with a length', ...HELLO },
  {
    ...plain,
    name: 'GET in chunks with trailers',
    head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    afterHead: '2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\nA: b\r\n\r\n',
    body: 'hello',
    trailers: [['A', 'b']],
  },
  {
    ...plain,
    name: 'GET until close',
    head: 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n',
    afterHead: 'hello',
    body: 'hello',
    untilClose: true,
  },
  {
    ...plain,
    name: 'GET with 1xx before',
    before:
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 x\r\n\r\n',
    ...HELLO,
  },
  {
    ...plain,
    name: 'GET of nothing',
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  },
  {
    ...plain,
    name: 'HEAD',
    request: () => ({ method: 'HEAD' }),
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
  },
  {
    ...plain,
    name: 'DELETE with 204',
    request: () => ({ method: 'DELETE' }),
    head: 'HTTP/1.1 204 No Content\r\n\r\n',
  },
  {
    ...plain,
    name: 'POST of a small body',
    request: () => ({ method: 'POST', body: 'small' }),
    ...HELLO,
    repeatable: false,
    content: 'small',
  },
  {
    ...plain,
    name: 'PUT of large bytes',
    request: () => ({ method: 'PUT', body: BIG }),
    ...HELLO,
    content: BIG.latin1Slice(),
  },
  {
    ...plain,
    name: 'PUT of an async iterable',
    request: () => ({ method: 'PUT', body: someText(), trailers: { C: 'd' } }),
    ...HELLO,
    repeatable: false,
    content: '3\r\nabc\r\n2\r\nde\r\n0\r\nC: d\r\n\r\n',
  },
  {
    ...plain,
    name: 'PUT with Expect',
    request: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: 'small' }),
    before: 'HTTP/1.1 100 Continue\r\n\r\n',
    ...HELLO,
    content: 'small',
  },
  {
    ...plain,
    name: 'Upgrade',
    request: () => ({ headers: ['Upgrade', 'x'] }),
    head: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    afterHead: 'first',
    upgrade: true,
  },
  {
    ...plain,
    name: 'CONNECT',
    request: () => ({ method: 'CONNECT', path: 'far.test:443' }),
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    afterHead: 'first',
    upgrade: true,
    repeatable: false,
  },
]

export function responseOf(sample: Sample): string {
  return sample.before + sample.head + sample.afterHead
}

/** Returns the position after the final head. */
export function headEndOf(sample: Sample): number {
  return sample.before.length + sample.head.length
}

export const takeUpgrade: HandlerActions = { onUpgrade: () => {} }

export function isExpecting(sample: Sample): boolean {
  return sample.request().headers !== undefined && sample.content !== ''
}

/** Yields a second chunk after a turn of the microtask queue. */
async function* someText(): AsyncGenerator<string> {
  yield 'abc'
  await null
  yield 'de'
}
