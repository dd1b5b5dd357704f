/** Detects what kind of app a value is, from its methods and its number of parameters. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { memberOf } from '../../models/options.ts'
import type { FetchHandler } from './fetch-app.ts'

/** A request listener of Node's http. Its result is ignored, except for a rejected promise. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => unknown

/** The members of an `http.Server` that are used. */
export interface ServerLike {
  listen(...args: never[]): unknown
  rawListeners(event: string): unknown[]
  listenerCount(event: string): number
  emit(event: string, ...args: unknown[]): boolean
}

/** The members of a Fastify instance that are used. */
export interface FastifyLike {
  readonly server: unknown
  ready(): PromiseLike<unknown>
  routing(request: IncomingMessage, response: ServerResponse): void
}

/** The members of a Koa instance that are used. */
export interface KoaLike {
  callback(): RequestListener
}

/** An object with a fetch handler, such as a Hono app. */
export interface FetchObject {
  fetch(request: globalThis.Request, ...rest: never[]): unknown
}

/** An app for Node's http. */
export type NodeAppInit = RequestListener | ServerLike | FastifyLike | KoaLike

/**
 * An app that an `AppDispatcher` can call. A fetch handler of this type has exactly one parameter,
 * because the number of parameters tells it from a listener unless `kind` is given.
 */
export type App =
  | NodeAppInit
  | FetchObject
  | ((request: globalThis.Request) => globalThis.Response | PromiseLike<globalThis.Response>)

/** An app that is called through Node's http. */
export interface NodeApp {
  readonly kind: 'node'
  /** The current listeners for an event such as `request`. Those of a server can change. */
  listeners(event: string): unknown[]
  /**
   * The app's own server, whose settings are copied and which gets other events; null without one.
   */
  readonly server: ServerLike | null
  /** Resolves when the app can take requests; null if it always can. */
  readonly ready: (() => PromiseLike<unknown>) | null
}

/** An app that is called with a `Request` of the Fetch standard. */
export interface FetchApp {
  readonly kind: 'fetch'
  readonly fetch: FetchHandler
}

/**
 * Detects the kind of an app. A function of exactly one parameter is a fetch handler, any other
 * function a listener, unless `kind` is given.
 *
 * @throws TypeError if `app` is not an app, or not of the given kind
 */
export function resolveApp(app: unknown, kind?: 'fetch' | 'node'): FetchApp | NodeApp {
  if (kind !== undefined && kind !== 'fetch' && kind !== 'node') {
    throw new TypeError(`kind must be 'fetch' or 'node', not ${String(kind)}`)
  }
  const resolved = typeof app === 'function' ? fromFunction(app, kind) : fromObject(app, kind)
  if (resolved !== null) return resolved
  throw new TypeError(
    `app must be ${kind === undefined ? `${EXPECTED.node}, ${EXPECTED.fetch}` : EXPECTED[kind]}`,
  )
}

const EXPECTED = {
  node: 'a (req, res) listener, an http.Server, an Express, Koa or Fastify app',
  fetch: 'a fetch handler or { fetch }',
}

function fromFunction(app: object, kind = defaultKind(app)): FetchApp | NodeApp {
  return kind === 'fetch' ? { kind, fetch: app as FetchHandler } : listenerApp(app)
}

/** An Express app is a function with three parameters, hence `node`. */
function defaultKind(app: object): 'fetch' | 'node' {
  return (app as (...args: never[]) => unknown).length === 1 ? 'fetch' : 'node'
}

function fromObject(app: unknown, kind?: 'fetch' | 'node'): FetchApp | NodeApp | null {
  if (kind !== 'node' && hasMethods<{ fetch: FetchHandler }>(app, 'fetch')) {
    return { kind: 'fetch', fetch: (request, info) => app.fetch(request, info) }
  }
  if (kind === 'fetch') return null
  if (hasMethods<FastifyLike>(app, 'ready', 'routing')) return fastifyApp(app)
  if (hasMethods<KoaLike>(app, 'callback')) return listenerApp(app.callback())
  if (!isServer(app)) return null
  return { kind: 'node', listeners: (event) => app.rawListeners(event), server: app, ready: null }
}

function listenerApp(listener: unknown): NodeApp {
  const listeners = [listener]
  return {
    kind: 'node',
    listeners: (event) => (event === 'request' ? listeners : []),
    server: null,
    ready: null,
  }
}

function fastifyApp(app: FastifyLike): NodeApp {
  const server = isServer(app.server) ? app.server : null
  let ready: Promise<unknown> | null = null
  return {
    kind: 'node',
    listeners: (event) => {
      const added = server === null ? [] : server.rawListeners(event)
      return added.length > 0 || event !== 'request' ? added : [app.routing]
    },
    server,
    ready: () => {
      ready ??= Promise.resolve(app.ready())
      return ready
    },
  }
}

function isServer(value: unknown): value is ServerLike {
  return hasMethods<ServerLike>(value, 'listen', 'rawListeners', 'listenerCount', 'emit')
}

function hasMethods<Kind extends object>(value: unknown, ...names: string[]): value is Kind {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return names.every((name) => typeof memberOf(value, name) === 'function')
}
