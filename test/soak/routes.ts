import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { answer } from './origin.ts'
import type { Addresses } from './servers.ts'

/** A route to the origin. */
export interface Route {
  readonly name: string
  readonly client: Client
  /** The part of each URL before its path. */
  readonly base: string
  /**
   * Whether a fault proxy or a closing server is on the route, so that calls may fail with an error
   * of Hawser.
   */
  readonly isFaulty: boolean
  /** The relative frequency of requests on this route. */
  readonly weight: number
}

const LONG_TIMEOUT = 20_000
const SHORT_TIMEOUT = 400

/**
 * Returns each kind of route without faults, and also through a fault proxy where that is possible.
 */
export function openRoutes(at: Addresses): Route[] {
  const http = `http://127.0.0.1:${at.http.direct}`
  const https = `https://localhost:${at.https.direct}`
  const verify = { ca: at.ca }
  const open = (
    name: string,
    base: string,
    options: ClientOptions,
    { isRigged = false, weight = 4 } = {},
  ): Route => {
    const client = new Client({
      trustEnv: false,
      timeout: isRigged ? SHORT_TIMEOUT : LONG_TIMEOUT,
      ...options,
    })
    return { name, client, base, isFaulty: isRigged, weight }
  }
  const faulty = { isRigged: true, weight: 1 }
  const proxy = (port: number) => ({ proxies: `http://127.0.0.1:${port}` })
  const socks = (port: number) => ({ proxies: `socks5h://127.0.0.1:${port}` })
  return [
    open('plain', http, {}, { weight: 16 }),
    open('tls', https, { verify }, { weight: 8 }),
    open('forward', http, proxy(at.httpProxy.direct)),
    open('tunnel', https, { verify, ...proxy(at.httpProxy.direct) }),
    open('socks', http, socks(at.socksProxy.direct)),
    open('socks tls', https, { verify, ...socks(at.socksProxy.direct) }, { weight: 2 }),
    open('unix socket', 'http://localhost', { uds: at.uds }),
    open('app', 'http://app.test', { app: answer }, { weight: 8 }),
    open('plain, with faults', `http://127.0.0.1:${at.http.faulty}`, {}, faulty),
    open('tls, with faults', `https://localhost:${at.https.faulty}`, { verify }, faulty),
    open('forward, with faults', http, proxy(at.httpProxy.faulty), faulty),
    open('tunnel, with faults', https, { verify, ...proxy(at.httpProxy.faulty) }, faulty),
    open('plain, closing', `http://127.0.0.1:${at.closing.http}`, {}, faulty),
    open('tls, closing', `https://localhost:${at.closing.https}`, { verify }, faulty),
    open(
      'tunnel, closing',
      `https://localhost:${at.closing.https}`,
      { verify, ...proxy(at.httpProxy.direct) },
      faulty,
    ),
    open('socks, with faults', http, socks(at.socksProxy.faulty), faulty),
  ]
}
