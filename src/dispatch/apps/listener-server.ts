import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import type { NodeApp, ServerLike } from './app-kind.ts'

const require = createRequire(import.meta.url)

/** Settings of a given server that say how messages are read and written. Its timeouts are for networks. */
const SETTINGS = new Set([
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

/** Events that are a request, with its response or its socket. */
const REQUESTS = new Set(['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect'])

/** One event of the server: what the app is called with. */
export type RequestEvent = [
  request: IncomingMessage,
  to: ServerResponse | Duplex,
  firstBytes?: Buffer,
]

/**
 * An `http.Server` of our own for the app's listeners, which are called by `serve` instead of `emit`,
 * so that what they throw and return is seen. A given server serves as the pattern, is not touched, and
 * goes on to serve its network. Ours never listens, hence has no timers.
 */
export function listenerServer(
  app: NodeApp,
  serve: (listeners: unknown[], event: RequestEvent) => void,
): Server {
  const http = require('node:http') as typeof import('node:http')
  const server = new http.Server()
  if (app.server !== null) copySettings(app.server, server)
  server.keepAliveTimeout = 0 // the pool decides how long it keeps a connection
  const emit = server.emit.bind(server)
  server.emit = (event: string, ...args: unknown[]) => {
    if (!REQUESTS.has(event)) return emit(event, ...args) || emitTo(app.server, event, args)
    serve(app.listeners(event), args as RequestEvent)
    return true
  }
  // Node asks whether anyone listens before it emits what has a default.
  server.listenerCount = (event: string | symbol) => app.server?.listenerCount(String(event)) ?? 0
  return server
}

/** Of the events of connections only those that the server's owner has to decide. */
function emitTo(server: ServerLike | null, event: string, args: unknown[]): boolean {
  return (event === 'clientError' || event === 'timeout') && (server?.emit(event, ...args) ?? false)
}

function copySettings(from: object, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (SETTINGS.has(String(key))) Reflect.set(to, key, Reflect.get(from, key))
  }
}
