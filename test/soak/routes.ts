import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { answer } from './origin.ts'
import type { Addresses } from './servers.ts'

/** A way to the origin. */
export interface Route {
  readonly name: string
  readonly client: Client
  /** What stands before the path of every URL. */
  readonly base: string
  /** There is a rig on the way: calls may fail, but with an error of the right kind. */
  readonly isRigged: boolean
  /** How many requests take it, for those that take others. */
  readonly weight: number
}

const PATIENT = 20_000
const IMPATIENT = 400

/** Of each kind of route one that is sure and one that goes through a rig, where a rig can be. */
export function openRoutes(at: Addresses): Route[] {
  const http = `http://127.0.0.1:${at.http.sure}`
  const https = `https://localhost:${at.https.sure}`
  const verify = { ca: at.ca }
  const open = (
    name: string,
    base: string,
    options: ClientOptions,
    { isRigged = false, weight = 4 } = {},
  ): Route => {
    const client = new Client({
      trustEnv: false,
      timeout: isRigged ? IMPATIENT : PATIENT,
      ...options,
    })
    return { name, client, base, isRigged, weight }
  }
  const rigged = { isRigged: true, weight: 1 }
  const proxy = (port: number) => ({ proxies: `http://127.0.0.1:${port}` })
  const socks = (port: number) => ({ proxies: `socks5h://127.0.0.1:${port}` })
  return [
    open('plain', http, {}, { weight: 16 }),
    open('tls', https, { verify }, { weight: 8 }),
    open('forward', http, proxy(at.httpProxy.sure)),
    open('tunnel', https, { verify, ...proxy(at.httpProxy.sure) }),
    open('socks', http, socks(at.socksProxy.sure)),
    open('socks tls', https, { verify, ...socks(at.socksProxy.sure) }, { weight: 2 }),
    open('unix socket', 'http://localhost', { uds: at.uds }),
    open('app', 'http://app.test', { app: answer }, { weight: 8 }),
    open('plain, rigged', `http://127.0.0.1:${at.http.rigged}`, {}, rigged),
    open('tls, rigged', `https://localhost:${at.https.rigged}`, { verify }, rigged),
    open('forward, rigged', http, proxy(at.httpProxy.rigged), rigged),
    open('tunnel, rigged', https, { verify, ...proxy(at.httpProxy.rigged) }, rigged),
    open('socks, rigged', http, socks(at.socksProxy.rigged), rigged),
  ]
}
