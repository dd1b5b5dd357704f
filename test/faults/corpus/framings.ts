import type { Exchange } from '../exchange.ts'
import { answer, BODY, chunked, OK } from '../exchange.ts'

const result = { status: 200, body: BODY }
const dispatch = () => ({})
const HEAD = 'HTTP/1.1 200 OK\r\n'

/** Every way to mark the end of a response, and what may surround a response. */
export const framings: readonly Exchange[] = [
  { name: 'GET with a length', dispatch, answers: [OK], result },
  { name: 'GET of nothing', dispatch, answers: [answer(200)], result: { status: 200 } },
  {
    name: 'GET with the same length twice',
    dispatch,
    answers: [answer(200, [`Content-Length: ${BODY.length}`], BODY)],
    result,
  },
  {
    name: 'GET in chunks',
    dispatch,
    answers: [
      {
        head: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
        body: chunked(BODY, [1, 4, 7]),
        framing: 'chunked',
      },
    ],
    result,
  },
  {
    name: 'GET in chunks with extensions, long sizes and trailers',
    dispatch,
    answers: [
      {
        head: `${HEAD}Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n`,
        body: '00005;x=1;y="z"\r\nhello\r\n7;q\r\n, world\r\n0;end\r\nA: b\r\nC:d\r\n\r\n',
        framing: 'chunked',
      },
    ],
    result: {
      ...result,
      trailers: [
        ['A', 'b'],
        ['C', 'd'],
      ],
    },
  },
  {
    name: 'GET until close',
    dispatch,
    answers: [{ head: `${HEAD}A: b\r\n\r\n`, body: BODY, framing: 'until-close' }],
    result,
  },
  {
    name: 'GET until close of HTTP/1.0',
    dispatch,
    answers: [{ head: 'HTTP/1.0 200 OK\r\n\r\n', body: BODY, framing: 'until-close' }],
    result,
  },
  {
    name: 'GET with a transfer coding that is not chunked',
    dispatch,
    answers: [{ head: `${HEAD}Transfer-Encoding: x\r\n\r\n`, body: BODY, framing: 'until-close' }],
    result,
  },
  {
    name: 'GET with a length and Connection: close',
    dispatch,
    answers: [answer(200, ['Connection: close'], BODY)],
    result,
  },
  {
    name: 'GET of HTTP/1.0 with keep-alive',
    dispatch,
    answers: [
      {
        head: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=3\r\nContent-Length: 12\r\n\r\n',
        body: BODY,
        framing: 'length',
      },
    ],
    result,
  },
  {
    name: 'HEAD with a length',
    dispatch: () => ({ method: 'HEAD' }),
    answers: [{ head: `${HEAD}Content-Length: 12\r\n\r\n`, framing: 'none' }],
    result: { status: 200 },
  },
  {
    name: 'HEAD in chunks',
    dispatch: () => ({ method: 'HEAD' }),
    answers: [{ head: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, framing: 'none' }],
    result: { status: 200 },
  },
  {
    name: '204',
    dispatch: () => ({ method: 'DELETE' }),
    answers: [{ head: 'HTTP/1.1 204 No Content\r\n\r\n', framing: 'none' }],
    result: { status: 204 },
  },
  {
    name: '304 with a length',
    dispatch: () => ({ headers: ['If-None-Match', '"x"'] }),
    answers: [{ head: 'HTTP/1.1 304 \r\nContent-Length: 12\r\n\r\n', framing: 'none' }],
    result: { status: 304 },
  },
  {
    name: '1xx before the response',
    dispatch,
    answers: [
      {
        ...OK,
        informational:
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 199 x\r\n\r\n',
      },
    ],
    result: { ...result, informational: 3 },
  },
  {
    name: '103 before chunks',
    dispatch,
    answers: [
      {
        informational: 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
        head: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
        body: chunked(BODY, [6]),
        framing: 'chunked',
      },
    ],
    result: { ...result, informational: 1 },
  },
  {
    name: 'no reason phrase, and a folded field',
    dispatch,
    answers: [
      {
        head: 'HTTP/1.1 200\r\nA: b\r\n  c\r\nContent-Length: 12\r\n\r\n',
        body: BODY,
        framing: 'length',
      },
    ],
    result,
  },
  {
    name: 'OPTIONS *',
    dispatch: () => ({ method: 'OPTIONS', path: '*' }),
    answers: [answer(200, ['Allow: GET'])],
    result: { status: 200 },
  },
  {
    name: 'TRACE',
    dispatch: () => ({ method: 'TRACE' }),
    answers: [answer(200, ['Content-Type: message/http'], BODY)],
    result,
  },
  {
    name: '500 with a body',
    dispatch: () => ({ copy: true }),
    answers: [answer(500, ['A: b', 'a: c'], BODY)],
    result: { status: 500, body: BODY },
  },
  {
    name: 'GET over TLS',
    scheme: 'https',
    dispatch,
    answers: [OK],
    result,
  },
]
