import { HTTPProxy } from '../../src/index.ts'
import { headLength } from './request-bytes.ts'

export type RouteName =
  | 'direct'
  | 'forward'
  | 'forward by TLS'
  | 'tunnel'
  | 'tunnel by TLS'
  | 'socks5'
  | 'socks5h with a password'

/** One step in which a proxy sets up the connection to the origin. */
export interface Greeting {
  /** The number of bytes it waits for, or 0 while that is unknown. */
  readonly needs: (held: Buffer) => number
  readonly says: string
}

export interface Route {
  readonly proxy: HTTPProxy | null
  /** The steps on each new connection, in order. */
  readonly greetings: readonly Greeting[]
}

const CONNECTED: Greeting = {
  needs: (held) => headLength(held.latin1Slice()),
  says: 'HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n',
}

/** RFC 1928 3 */
const METHOD = (chosen: number): Greeting => ({
  needs: (held) => 2 + (held[1] ?? 255),
  says: `\x05${String.fromCharCode(chosen)}`,
})

/** RFC 1929 2 */
const PASSWORD_TAKEN: Greeting = {
  needs: (held) => {
    const user = held[1] ?? 255
    return 3 + user + (held[2 + user] ?? 255)
  },
  says: '\x01\x00',
}

/** RFC 1928 4-6 */
const SOCKS_CONNECTED: Greeting = {
  needs: (held) => (held[3] === 1 ? 10 : 7 + (held[4] ?? 255)),
  says: '\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50',
}

const TUNNEL = { mode: 'TUNNEL_ONLY' } as const

export const routes: Record<RouteName, Route> = {
  direct: { proxy: null, greetings: [] },
  forward: { proxy: new HTTPProxy('http://p.test:3128'), greetings: [] },
  'forward by TLS': { proxy: new HTTPProxy('https://p.test:3129'), greetings: [] },
  tunnel: { proxy: new HTTPProxy('http://me:secret@p.test:3128', TUNNEL), greetings: [CONNECTED] },
  'tunnel by TLS': { proxy: new HTTPProxy('https://p.test:3129', TUNNEL), greetings: [CONNECTED] },
  socks5: {
    proxy: new HTTPProxy('socks5://p.test'),
    greetings: [METHOD(0), SOCKS_CONNECTED],
  },
  'socks5h with a password': {
    proxy: new HTTPProxy('socks5h://me:secret@p.test'),
    greetings: [METHOD(2), PASSWORD_TAKEN, SOCKS_CONNECTED],
  },
}
