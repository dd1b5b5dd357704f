import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { NodeApp, ServerLike } from './app-kind.ts'

/** The settings of an app's server that affect parsing and writing. Its timeouts do not apply. */
const COPIED_SETTINGS = new Set([
  'insecureHTTPParser',
  'joinDuplicateHeaders',
  'maxHeaderSize',
  'maxHeadersCount',
  'rejectNonStandardBodyWrites',
  'requireHostHeader',
  'shouldUpgradeCallback',
  'Symbol(IncomingMessage)',
  'Symbol(ServerResponse)',
  'Symbol(kUniqueHeaders)',
])

/** The events that stand for a request. */
const REQUEST_EVENTS = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'upgrade',
  'connect',
])

/** The arguments of a request event. `to` is a socket for `upgrade` and `connect`. */
export type RequestEvent = [
  request: IncomingMessage,
  to: ServerResponse | Duplex,
  firstBytes?: Buffer,
]

/**
 * Creates an `http.Server` that calls the listeners of an app. It calls them through `serve`
 * instead of `emit`, so that their errors and results can be handled. The app's own server, if it
 * has one, is not changed and continues to serve network clients; its settings are copied. The new
 * server never listens, so it starts no timers.
 */
export function createListenerServer(
  app: NodeApp,
  serve: (listeners: unknown[], event: RequestEvent) => void,
): Server {
  const http = process.getBuiltinModule('node:http')
  const server = new http.Server()
  if (app.server !== null) copySettings(app.server, server)
  server.keepAliveTimeout = 0 // the pool decides how long connections stay idle
  const emit = server.emit.bind(server)
  server.emit = (event: string, ...args: unknown[]) => {
    if (!REQUEST_EVENTS.has(event))
      return emit(event, ...args) || forwardToServer(app.server, event, args)
    serve(app.listeners(event), args as RequestEvent)
    return true
  }
  // Node checks for listeners before it emits an event for which it has a default action.
  server.listenerCount = (event: string | symbol) => app.server?.listenerCount(String(event)) ?? 0
  return server
}

/** Forwards the connection events on which the owner of the app's server decides. */
function forwardToServer(server: ServerLike | null, event: string, args: unknown[]): boolean {
  return (event === 'clientError' || event === 'timeout') && (server?.emit(event, ...args) ?? false)
}

function copySettings(from: object, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (COPIED_SETTINGS.has(String(key))) Reflect.set(to, key, Reflect.get(from, key))
  }
}
