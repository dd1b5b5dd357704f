import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import type { RequestOptions } from '../../../src/index.ts'
import { DigestAuth } from '../../../src/index.ts'
import type { Answer, ClientCall, Exchange } from '../exchange.ts'
import { answer, BODY, chunked, OK } from '../exchange.ts'

const result = { status: 200, body: BODY }
const call =
  (method: string, options: () => RequestOptions = () => ({}), client = {}): (() => ClientCall) =>
  () => ({ method, options: options(), client })
const get = call('GET')
const redirectTo = (status: number, location: string, fields: readonly string[] = []) =>
  answer(status, [`Location: ${location}`, ...fields], 'elsewhere')
const ELSEWHERE = 'http://other.test/there'

const redirects: readonly Exchange[] = [
  {
    name: '302 on the same connection',
    call: get,
    answers: [redirectTo(302, '/there'), OK],
    result: { ...result, history: [302] },
  },
  {
    name: '301 to another host',
    call: get,
    answers: [redirectTo(301, ELSEWHERE), OK],
    result: { ...result, history: [301] },
  },
  {
    name: '303 after POST',
    call: call('POST', () => ({ content: 'small' })),
    answers: [redirectTo(303, '/there'), OK],
    result: { ...result, history: [303] },
  },
  {
    name: '307 of PUT, with its content',
    call: call('PUT', () => ({ content: 'small' })),
    answers: [redirectTo(307, '/there'), OK],
    result: { ...result, history: [307] },
  },
  {
    name: '308 of POST to another host, and Connection: close',
    call: call('POST', () => ({ json: { a: 1 } })),
    answers: [redirectTo(308, ELSEWHERE, ['Connection: close']), OK],
    result: { ...result, history: [308] },
  },
  {
    name: 'a chain of three redirects',
    call: get,
    answers: [redirectTo(302, '/1'), redirectTo(307, ELSEWHERE), redirectTo(301, '/3'), OK],
    result: { ...result, history: [302, 307, 301] },
  },
  {
    name: 'a redirect in chunks',
    call: get,
    answers: [
      {
        head: 'HTTP/1.1 302 Found\r\nLocation: /there\r\nTransfer-Encoding: chunked\r\n\r\n',
        body: chunked('elsewhere', [4]),
        framing: 'chunked',
      },
      OK,
    ],
    result: { ...result, history: [302] },
  },
  {
    name: 'a redirect until close, to https',
    call: get,
    answers: [
      {
        head: 'HTTP/1.1 302 Found\r\nLocation: https://h.test/there\r\n\r\n',
        body: 'elsewhere',
        framing: 'until-close',
      },
      OK,
    ],
    result: { ...result, history: [302] },
  },
  {
    name: 'a redirect through a tunnel',
    route: 'tunnel',
    call: get,
    answers: [redirectTo(302, ELSEWHERE), OK],
    result: { ...result, history: [302] },
  },
]

const challenged = (challenge: string) => answer(401, [`WWW-Authenticate: ${challenge}`], 'who?')
const NONCE = 'Digest realm="r", nonce="abcdef", qop="auth, auth-int", algorithm=SHA-256'
const digest = () => ({ auth: new DigestAuth('me', 'secret') })

const auth: readonly Exchange[] = [
  {
    name: 'Basic that the server rejects',
    call: call('GET', () => ({ auth: ['me', 'wrong'] })),
    answers: [challenged('Basic realm="r"')],
    result: { status: 401, body: 'who?' },
  },
  {
    name: 'Basic',
    call: call('POST', () => ({ auth: ['me', 'secret'], content: 'small' })),
    answers: [OK],
    result,
  },
  {
    name: 'Digest',
    call: call('GET', digest),
    answers: [challenged(NONCE), OK],
    result: { ...result, history: [401] },
  },
  {
    name: 'Digest of POST, with auth-int',
    call: call('POST', () => ({ ...digest(), content: 'small' })),
    answers: [challenged('Digest realm="r", nonce="n", qop="auth-int"'), OK],
    result: { ...result, history: [401] },
  },
  {
    name: 'Digest with a stale nonce, and Connection: close',
    call: call('GET', digest),
    answers: [
      answer(401, [`WWW-Authenticate: ${NONCE}`, 'Connection: close'], 'who?'),
      challenged(`${NONCE}, stale=true`),
      OK,
    ],
    result: { ...result, history: [401, 401] },
  },
  {
    name: 'a redirect and Digest in a tunnel',
    route: 'tunnel',
    scheme: 'https',
    call: call('GET', digest),
    answers: [redirectTo(302, '/there'), challenged(NONCE), OK],
    result: { ...result, history: [302, 401] },
  },
]

const TEXT = 'said again and '.repeat(20)
const coded = (name: string, bytes: Uint8Array, framing: Answer['framing'] = 'length'): Answer => {
  const body = Buffer.from(bytes).latin1Slice()
  const fields = {
    length: [`Content-Length: ${body.length}`],
    chunked: ['Transfer-Encoding: chunked'],
  }
  const lines = ['HTTP/1.1 200 OK', `Content-Encoding: ${name}`]
  if (framing === 'length' || framing === 'chunked') lines.push(...fields[framing])
  return {
    head: `${lines.join('\r\n')}\r\n\r\n`,
    body: framing === 'chunked' ? chunked(body, [9]) : body,
    framing,
  }
}
const zipped = gzipSync(TEXT)

const compressed: readonly Exchange[] = (
  [
    ['gzip', coded('gzip', zipped)],
    ['gzip in chunks', coded('gzip', zipped, 'chunked')],
    ['gzip until close', coded('gzip', zipped, 'until-close')],
    [
      'gzip of two members',
      coded('x-gzip', Buffer.concat([gzipSync(TEXT.slice(0, 9)), gzipSync(TEXT.slice(9))])),
    ],
    ['deflate', coded('deflate', deflateSync(TEXT))],
    ['raw deflate', coded('deflate', deflateRawSync(TEXT))],
    ['br', coded('br', brotliCompressSync(TEXT))],
    ['gzip, then br', coded('gzip, br', brotliCompressSync(zipped))],
    ['an unknown coding', coded('x', Buffer.from(TEXT))],
  ] as const
).map(([name, response]) => ({
  name,
  call: get,
  answers: [response],
  result: { status: 200, body: TEXT },
}))

const files = () => ({
  files: { a: ['a.txt', 'content of a', 'text/plain'] as const },
  data: { b: 'c' },
})

const contents: readonly Exchange[] = [
  { name: 'multipart', call: call('POST', files), answers: [OK], result },
  {
    name: 'multipart of a stream',
    call: call('POST', () => ({ files: { a: ['a', stream()] as const } })),
    answers: [OK],
    isOneShot: true,
    result,
  },
  { name: 'a form', call: call('POST', () => ({ data: { a: 'b c' } })), answers: [OK], result },
  {
    name: 'a stream with Expect',
    call: call('PUT', () => ({ content: stream(), headers: { Expect: '100-continue' } })),
    answers: [{ ...OK, interim: 'HTTP/1.1 100 Continue\r\n\r\n' }],
    isOneShot: true,
    result,
  },
  {
    name: 'cookies',
    call: call('GET', () => ({ cookies: { a: 'b' } })),
    answers: [answer(200, ['Set-Cookie: c=d; Path=/', 'Set-Cookie: e=f'], BODY)],
    result,
  },
  {
    name: '503, and a second attempt',
    call: call('GET', () => ({ retries: 2 })),
    answers: [answer(503, ['Retry-After: 1'], 'later'), OK],
    result,
  },
]

async function* stream(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('abc')
  await null
  yield Buffer.from('de')
}

/** Calls for which the client makes several requests, or encodes or decodes a body. */
export const calls: readonly Exchange[] = [...redirects, ...auth, ...compressed, ...contents]
