import type { Exchange } from '../exchange.ts'
import { BODY, chunked, OK } from '../exchange.ts'

const result = { status: 200, body: BODY }
const get = () => ({})
const post = () => ({ method: 'POST', body: 'small' })
const IN_CHUNKS = {
  head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  body: chunked(BODY, [5], 'A: b\r\n'),
  framing: 'chunked',
} as const

/** Through proxies of every kind: forwarded, CONNECT, SOCKS. */
export const proxied: readonly Exchange[] = [
  { name: 'GET, forwarded', route: 'forward', dispatch: get, answers: [OK], result },
  { name: 'POST, forwarded', route: 'forward', dispatch: post, answers: [OK], result },
  {
    name: 'GET, forwarded, on a kept connection',
    route: 'forward',
    warm: true,
    dispatch: get,
    answers: [OK],
    result,
  },
  {
    name: 'GET, forwarded by an https proxy',
    route: 'forward by TLS',
    dispatch: get,
    answers: [OK],
    result,
  },
  { name: 'GET in a tunnel', route: 'tunnel', dispatch: get, answers: [OK], result },
  { name: 'POST in a tunnel', route: 'tunnel', dispatch: post, answers: [OK], result },
  {
    name: 'GET in a tunnel, by https',
    route: 'tunnel',
    scheme: 'https',
    dispatch: get,
    answers: [IN_CHUNKS],
    result: { ...result, trailers: [['A', 'b']] },
  },
  {
    name: 'GET in a kept tunnel, by https',
    route: 'tunnel',
    scheme: 'https',
    warm: true,
    dispatch: get,
    answers: [OK],
    result,
  },
  {
    name: 'GET in a tunnel of an https proxy, by https',
    route: 'tunnel by TLS',
    scheme: 'https',
    dispatch: get,
    answers: [OK],
    result,
  },
  { name: 'GET by socks5', route: 'socks5', dispatch: get, answers: [OK], result },
  {
    name: 'GET by socks5, by https',
    route: 'socks5',
    scheme: 'https',
    dispatch: get,
    answers: [OK],
    result,
  },
  {
    name: 'PUT by socks5h with a password',
    route: 'socks5h with a password',
    dispatch: () => ({ method: 'PUT', body: 'small' }),
    answers: [OK],
    result,
  },
  {
    name: 'POST by socks5h, on a kept connection',
    route: 'socks5h with a password',
    warm: true,
    dispatch: post,
    answers: [OK],
    result,
  },
]
