import type { HostPort } from '../../backends/memory-peer.ts'
import { DEFAULT_CLIENT } from '../../backends/memory-peer.ts'
import { checkFlag, checkOptions, option, withoutPrototype } from '../../models/options.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { BaseDispatcher } from '../../pool/base-dispatcher.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { InProcessCall } from '../in-process/in-process-call.ts'
import { inProcessParts } from '../in-process/in-process-parts.ts'
import type { App, FetchApp, FetchObject, NodeAppInit } from './app-kind.ts'
import { resolveApp } from './app-kind.ts'
import type { FetchHandler, FetchInfo } from './fetch-app.ts'
import { callFetchApp } from './fetch-app.ts'
import type { ListenerOptions } from './listener-app.ts'
import { listenerParts } from './listener-app.ts'

export interface AppSettings {
  /** The client's address and port, as the app sees them. Default `['127.0.0.1', 123]`. */
  readonly client?: HostPort | undefined
  /**
   * The path under which the app is mounted, which becomes `req.baseUrl`. The URL of the request
   * keeps this path. Default `''`.
   */
  readonly rootPath?: string | undefined
  /**
   * Whether an error that the app throws is thrown to the caller; if false, the response is a 500.
   * If the head has been sent already, reading the body fails in both cases with a `ReadError`
   * whose `cause` is the error. Default true.
   */
  readonly raiseAppExceptions?: boolean | undefined
}

/**
 * Options of an `AppDispatcher`: the app, its kind, and `AppSettings`. `app` is a `(req, res)`
 * listener, an `http.Server`, an Express, Koa or Fastify app, a fetch handler, or an object with a
 * fetch handler as `fetch`. `kind` tells listeners from fetch apps. Without it, a function of
 * exactly one parameter and an object with `fetch` are fetch apps; everything else is for Node's
 * http.
 */
export type AppDispatcherOptions = AppSettings &
  (
    | { readonly kind?: undefined; readonly app: App }
    | { readonly kind: 'fetch'; readonly app: FetchHandler | FetchObject }
    | { readonly kind: 'node'; readonly app: NodeAppInit }
  )

const OPTION_NAMES = ['app', 'kind', 'client', 'rootPath', 'raiseAppExceptions'] as const

/**
 * Sends requests to an app in the same process, without a network. A listener runs behind an
 * `http.Server` and receives real HTTP over sockets in memory; a fetch app receives a `Request`.
 * https URLs work too, without TLS. Closing the dispatcher does not close the app. Requests are
 * reported to the diagnostics channels, and to the `trace` of the client that sends them.
 */
export class AppDispatcher extends BaseDispatcher implements Dispatcher {
  /** @throws TypeError if `app` is not an app, or if another option is not valid */
  constructor(options: AppDispatcherOptions) {
    checkOptions('AppDispatcher', options, OPTION_NAMES)
    const given = withoutPrototype(options)
    const { client = DEFAULT_CLIENT, rootPath = '', raiseAppExceptions = true } = given
    const app = resolveApp(given.app, given.kind)
    const resolved = {
      client: checkedClient(client),
      rootPath: checkedRootPath(rootPath),
      raiseAppExceptions: checkFlag('raiseAppExceptions', raiseAppExceptions),
    }
    super(app.kind === 'node' ? listenerParts(app, resolved) : fetchParts(app, resolved))
  }
}

function fetchParts(app: FetchApp, options: ListenerOptions): DispatcherParts {
  const { client, rootPath, raiseAppExceptions } = options
  const info: FetchInfo = Object.freeze({ client, rootPath })
  return inProcessParts((exchange, request) => {
    const call = new InProcessCall(exchange, raiseAppExceptions)
    const body = option(request, 'body', null)
    void call.run(() => callFetchApp(app.fetch, info, call, body))
  })
}

function checkedClient(client: unknown): HostPort {
  if (Array.isArray(client) && client.length === 2) {
    const [host, port] = client
    const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535
    if (typeof host === 'string' && isPort) return Object.freeze([host, port] as const)
  }
  throw new TypeError('client must be [host, port], for example ["127.0.0.1", 123]')
}

function checkedRootPath(rootPath: unknown): string {
  if (rootPath === '' || (typeof rootPath === 'string' && rootPath.startsWith('/'))) return rootPath
  throw new TypeError("rootPath must be '' or a path that begins with a slash")
}
