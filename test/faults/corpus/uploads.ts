import { settle } from '../../support/scripted-clock.ts'
import type { Exchange } from '../exchange.ts'
import { answer, BODY, OK } from '../exchange.ts'

const result = { status: 200, body: BODY }
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
/** More than is copied into one write with the head. */
const LARGE = Buffer.alloc(20_000, 'x')

/** Requests with content, and responses that arrive while it is sent. */
export const uploads: readonly Exchange[] = [
  {
    name: 'POST of text',
    dispatch: () => ({ method: 'POST', body: 'small' }),
    answers: [OK],
    result,
  },
  {
    name: 'POST of nothing',
    dispatch: () => ({ method: 'POST' }),
    answers: [OK],
    result,
  },
  {
    name: 'PUT of bytes in a separate write',
    dispatch: () => ({ method: 'PUT', body: LARGE }),
    answers: [OK],
    result,
  },
  {
    name: 'PUT in chunks with trailers',
    dispatch: () => ({ method: 'PUT', body: pieces(), trailers: { C: 'd' } }),
    answers: [OK],
    isOneShot: true,
    result,
  },
  {
    name: 'POST of an iterable with a length',
    dispatch: () => ({
      method: 'POST',
      body: ['ab', 'cde'].values(),
      headers: ['Content-Length', '5'],
    }),
    answers: [OK],
    isOneShot: true,
    result,
  },
  {
    name: 'PUT with Expect',
    dispatch: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: 'small' }),
    answers: [{ ...OK, interim: CONTINUE }],
    result: { ...result, informational: 1 },
  },
  {
    name: 'POST in chunks with Expect',
    dispatch: () => ({ method: 'POST', headers: ['Expect', '100-continue'], body: pieces() }),
    answers: [{ ...OK, interim: CONTINUE }],
    isOneShot: true,
    result: { ...result, informational: 1 },
  },
  {
    name: 'Expect that is answered with 401',
    dispatch: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: 'small' }),
    answers: [{ ...answer(401, ['Connection: close'], BODY), isEarly: true }],
    result: { status: 401, body: BODY },
  },
  {
    name: 'Expect that is answered with 417, and a second attempt',
    dispatch: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: 'small' }),
    answers: [{ ...answer(417, [], 'no'), isEarly: true }, OK],
    result,
  },
  {
    name: '413 while the content is sent',
    dispatch: () => ({ method: 'POST', body: more() }),
    answers: [{ ...answer(413, ['Connection: close'], BODY), isEarly: true }],
    isOneShot: true,
    result: { status: 413, body: BODY },
  },
  {
    name: '200 while the content is sent',
    dispatch: () => ({ method: 'POST', body: pieces() }),
    answers: [{ ...OK, isEarly: true }],
    isOneShot: true,
    result,
  },
]

/** Lets everything else settle between the pieces. */
async function* pieces(): AsyncGenerator<string> {
  yield 'abc'
  await settle()
  yield 'de'
  await settle()
  yield 'fghij'
}

/** Yields much more content than the server reads. */
async function* more(): AsyncGenerator<string> {
  for (let piece = 0; piece < 100; piece++) {
    yield 'x'.repeat(10)
    await settle()
  }
}
