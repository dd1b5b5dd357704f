/** What an app is, by its looks. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FetchHandler } from './fetch-app.ts'

/** `(request, response) => …`, of Node's http. What it returns is looked at only if it is a promise. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => unknown

/** An `http.Server`, by what is used of one. */
export interface ServerLike {
  listen(...args: never[]): unknown
  rawListeners(event: string): unknown[]
  listenerCount(event: string): number
  emit(event: string, ...args: unknown[]): boolean
}

/** A Fastify instance, by what is used of one. */
export interface FastifyLike {
  readonly server: unknown
  ready(): PromiseLike<unknown>
  routing(request: IncomingMessage, response: ServerResponse): void
}

/** A Koa instance, by what is used of one. */
export interface KoaLike {
  callback(): RequestListener
}

/** An object with a fetch handler, such as a Hono app. */
export interface FetchObject {
  fetch(request: globalThis.Request, ...rest: never[]): unknown
}

/** What Node's http calls. */
export type NodeAppInit = RequestListener | ServerLike | FastifyLike | KoaLike

/**
 * What can be called without a network. A fetch handler has exactly one parameter here, as by default
 * that is what tells it from a listener.
 */
export type App =
  | NodeAppInit
  | FetchObject
  | ((request: globalThis.Request) => globalThis.Response | PromiseLike<globalThis.Response>)

/** An app that Node's http calls. */
export interface NodeApp {
  readonly kind: 'node'
  /** Who listens to `request` and its like; asked for each time, as a server's listeners change. */
  listeners(event: string): unknown[]
  /** The server whose settings and further events count; null for a bare listener. */
  readonly server: ServerLike | null
  /** To be waited for before the first request; null where there is nothing to wait for. */
  readonly ready: (() => PromiseLike<unknown>) | null
}

export interface FetchApp {
  readonly kind: 'fetch'
  readonly fetch: FetchHandler
}

/**
 * A function of exactly one parameter is a fetch handler, any other a listener; `kind` says otherwise.
 * Throws `TypeError` for what is no app, or none of that kind.
 */
export function resolveApp(app: unknown, kind?: 'fetch' | 'node'): FetchApp | NodeApp {
  if (kind !== undefined && kind !== 'fetch' && kind !== 'node') {
    throw new TypeError(`kind must be 'fetch' or 'node', not ${String(kind)}`)
  }
  const resolved =
    typeof app === 'function'
      ? fromFunction(app, kind)
      : typeof app === 'object' && app !== null
        ? fromObject(app, kind)
        : null
  if (resolved !== null) return resolved
  if (kind === 'fetch') throw new TypeError(`app is no fetch app: neither a function nor { fetch }`)
  if (kind === 'node') throw new TypeError(`app is no (req, res) listener, http.Server or Fastify`)
  throw new TypeError(
    'app must be a (req, res) listener, an http.Server, an Express, Koa or Fastify app, a fetch handler or { fetch }',
  )
}

function fromFunction(app: object, kind = defaultKind(app)): FetchApp | NodeApp {
  return kind === 'fetch' ? { kind, fetch: app as FetchHandler } : listenerApp(app)
}

/** Express apps are functions too, of three parameters. */
function defaultKind(app: object): 'fetch' | 'node' {
  return (app as (...args: never[]) => unknown).length === 1 ? 'fetch' : 'node'
}

function fromObject(app: object, kind?: 'fetch' | 'node'): FetchApp | NodeApp | null {
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
      const own = server === null ? [] : server.rawListeners(event)
      return own.length > 0 || event !== 'request' ? own : [app.routing]
    },
    server,
    ready: () => {
      ready ??= Promise.resolve(app.ready())
      return ready
    },
  }
}

function isServer(value: unknown): value is ServerLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    hasMethods<ServerLike>(value, 'listen', 'rawListeners', 'listenerCount', 'emit')
  )
}

function hasMethods<Kind extends object>(value: object, ...names: string[]): value is Kind {
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}
