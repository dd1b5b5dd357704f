import type { HostPort } from '../../backends/memory-peer.ts'
import { checkFlag, checkOptions, option } from '../../models/options.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { BaseDispatcher } from '../../pool/base-dispatcher.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { LocalCall } from '../local/local-call.ts'
import { localParts } from '../local/local-parts.ts'
import type { App, FetchApp, FetchObject, NodeAppInit } from './app-kind.ts'
import { resolveApp } from './app-kind.ts'
import type { FetchHandler, FetchInfo } from './fetch-app.ts'
import { askFetchApp } from './fetch-app.ts'
import type { ListenerOptions } from './listener-app.ts'
import { listenerParts } from './listener-app.ts'

export interface AppSettings {
  /** The peer address that the app sees. Default `['127.0.0.1', 123]`. */
  readonly client?: HostPort | undefined
  /** Where the app is mounted: `req.baseUrl`. The URL that the app sees stays whole. Default `''`. */
  readonly rootPath?: string | undefined
  /**
   * What the app throws is thrown to the caller (the default); if false, it becomes a 500. Once the head
   * is sent the body fails with a `ReadError`, whose `cause` it is.
   */
  readonly raiseAppExceptions?: boolean | undefined
}

/**
 * `app` is a `(req, res)` listener, an `http.Server`, an Express, Koa or Fastify app, or a fetch handler,
 * by itself or as `{ fetch }`. Without `kind` a function of exactly one parameter and an object with
 * `fetch` are fetch apps.
 */
export type AppDispatcherOptions = AppSettings &
  (
    | { readonly kind?: undefined; readonly app: App }
    | { readonly kind: 'fetch'; readonly app: FetchHandler | FetchObject }
    | { readonly kind: 'node'; readonly app: NodeAppInit }
  )

const NAMES = ['app', 'kind', 'client', 'rootPath', 'raiseAppExceptions'] as const

/**
 * Sends requests straight into an app, without a network. A listener runs behind an `http.Server`
 * that speaks real HTTP over pairs of sockets in memory; a fetch app gets a `Request`. https URLs are
 * served as well, without TLS. The app is never closed. Requests are published on the diagnostics channels,
 * and a client's `trace` is told of those that this client sends.
 */
export class AppDispatcher extends BaseDispatcher implements Dispatcher {
  /** Throws `TypeError` for what is no app, or a bad option. */
  constructor(options: AppDispatcherOptions) {
    checkOptions('AppDispatcher', options, NAMES)
    const app = resolveApp(option(options, 'app', undefined), option(options, 'kind', undefined))
    const resolved = {
      client: checkedClient(option(options, 'client', LOCAL_CLIENT)),
      rootPath: checkedRootPath(option(options, 'rootPath', '')),
      raiseAppExceptions: checkFlag(
        'raiseAppExceptions',
        option(options, 'raiseAppExceptions', true),
      ),
    }
    super(app.kind === 'node' ? listenerParts(app, resolved) : fetchParts(app, resolved))
  }
}

function fetchParts(app: FetchApp, options: ListenerOptions): DispatcherParts {
  const { client, rootPath, raiseAppExceptions } = options
  const info: FetchInfo = Object.freeze({ client, rootPath })
  return localParts((exchange, request) => {
    const call = new LocalCall(exchange, raiseAppExceptions)
    const body = option(request, 'body', null)
    void call.run(() => askFetchApp(app.fetch, info, call, body))
  })
}

const LOCAL_CLIENT: HostPort = ['127.0.0.1', 123]

function checkedClient(client: unknown): HostPort {
  if (Array.isArray(client) && client.length === 2) {
    const [host, port] = client
    const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535
    if (typeof host === 'string' && isPort) return Object.freeze([host, port] as const)
  }
  throw new TypeError('client must be [host, port], as in ["127.0.0.1", 123]')
}

function checkedRootPath(rootPath: unknown): string {
  if (rootPath === '' || (typeof rootPath === 'string' && rootPath.startsWith('/'))) return rootPath
  throw new TypeError("rootPath must be '' or a path that begins with a slash")
}
