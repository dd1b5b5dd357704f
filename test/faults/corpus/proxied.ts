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

/** Requests through all kinds of proxies: forwarding, CONNECT and SOCKS. */
export const proxied: readonly Exchange[] = [
  { name: 'GET, forwarded', route: 'forward', dispatch: get, answers: [OK], result },
  { name: 'POST, forwarded', route: 'forward', dispatch: post, answers: [OK], result },
  {
    name: 'GET, forwarded, on a reused connection',
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
    name: 'https GET in a tunnel',
    route: 'tunnel',
    scheme: 'https',
    dispatch: get,
    answers: [IN_CHUNKS],
    result: { ...result, trailers: [['A', 'b']] },
  },
  {
    name: 'https GET in a reused tunnel',
    route: 'tunnel',
    scheme: 'https',
    warm: true,
    dispatch: get,
    answers: [OK],
    result,
  },
  {
    name: 'https GET in a tunnel of an https proxy',
    route: 'tunnel by TLS',
    scheme: 'https',
    dispatch: get,
    answers: [OK],
    result,
  },
  { name: 'GET through socks5', route: 'socks5', dispatch: get, answers: [OK], result },
  {
    name: 'https GET through socks5',
    route: 'socks5',
    scheme: 'https',
    dispatch: get,
    answers: [OK],
    result,
  },
  {
    name: 'PUT through socks5h with a password',
    route: 'socks5h with a password',
    dispatch: () => ({ method: 'PUT', body: 'small' }),
    answers: [OK],
    result,
  },
  {
    name: 'POST through socks5h, on a reused connection',
    route: 'socks5h with a password',
    warm: true,
    dispatch: post,
    answers: [OK],
    result,
  },
]
