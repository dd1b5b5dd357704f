import { captureRejectionSymbol, EventEmitter } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { MemoryBackend } from '../../backends/memory.ts'
import type { HostPort, MemoryPeer } from '../../backends/memory-peer.ts'
import type { MemorySocket } from '../../backends/memory-socket.ts'
import { systemClock } from '../../backends/system-clock.ts'
import { Connection } from '../../connection/connection.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { isThenable } from '../../models/value-kind.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { poolParts } from '../../pool/pool.ts'
import { failedMidway } from '../local/local-call.ts'
import type { NodeApp } from './app-kind.ts'
import type { RequestEvent } from './listener-server.ts'
import { listenerServer } from './listener-server.ts'

export interface ListenerOptions {
  readonly client: HostPort
  readonly rootPath: string
  readonly raiseAppExceptions: boolean
}

/** The parts of a pool whose connections all lead to a listener of this process. */
export function listenerParts(app: NodeApp, options: ListenerOptions): DispatcherParts {
  const calls = new ListenerCalls(app, options)
  const backend = new MemoryBackend((peer, _, socket) => calls.accept(peer, socket), options.client)
  // No bound: nothing is opened but objects, and a call inside the process has nothing to wait for.
  const limits = { maxConnections: null, maxKeepaliveConnections: 100 }
  return { ...poolParts({ backend, limits }), name: 'dispatcher' }
}

/** Calls an app's listeners, and brings what they throw to the exchange that it belongs to. */
class ListenerCalls {
  readonly #app: NodeApp
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #sockets = new WeakMap<Duplex, MemorySocket>()

  constructor(app: NodeApp, options: ListenerOptions) {
    this.#app = app
    this.#options = options
    this.#server = listenerServer(app, (listeners, event) => this.#serve(listeners, event))
  }

  accept(peer: MemoryPeer, socket: MemorySocket): void {
    this.#sockets.set(peer, socket)
    this.#server.emit('connection', peer)
  }

  #serve(listeners: unknown[], event: RequestEvent): void {
    const [request] = event
    // Now, as the connection may carry another one by the time that a promise rejects.
    const exchange = this.#exchangeOf(request)
    const { rootPath } = this.#options
    if (rootPath !== '') Object.assign(request, { baseUrl: rootPath })
    const failed = (error: unknown) => this.#failed(exchange, event, error)
    catchInEvents(request, failed)
    catchInEvents(event[1], failed)
    const { ready } = this.#app
    if (ready === null) this.#call(listeners, event, failed)
    else attempt(() => ready().then(() => this.#call(listeners, event, failed), failed), failed)
  }

  #call(listeners: unknown[], event: RequestEvent, failed: (error: unknown) => void): void {
    const { server } = this.#app
    for (const listener of listeners) {
      const threw = attempt(() => {
        const result: unknown = Reflect.apply(listener as () => unknown, server, event)
        if (isThenable(result)) result.then(undefined, failed)
      }, failed)
      if (threw) return
    }
  }

  #exchangeOf(request: IncomingMessage): Exchange | null {
    const handler = this.#sockets.get(request.socket)?.handler
    return handler instanceof Connection ? handler.exchange : null
  }

  #failed(exchange: Exchange | null, [, to]: RequestEvent, error: unknown): void {
    if (exchange === null || exchange.settled) {
      // The caller has left, or has its response; an upgraded socket is all that can still tell.
      if (!('writeHead' in to)) to.destroy(asError(error))
    } else if (!('writeHead' in to)) {
      if (this.#options.raiseAppExceptions) exchange.fail(error)
      else to.end(`HTTP/1.1 500 ${REASON}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    } else if (this.#options.raiseAppExceptions) {
      if (to.headersSent && !to.writableEnded) this.#failMidway(exchange, error)
      else exchange.fail(exchange.responseStarted ? failedMidway(exchange, error) : error)
    } else if (to.headersSent) {
      if (!to.writableEnded) this.#failMidway(exchange, error)
    } else {
      answer500(to)
    }
  }

  /** Behind what was written: Node's http holds that back until the next tick. */
  #failMidway(exchange: Exchange, error: unknown): void {
    const { raiseAppExceptions } = this.#options
    systemClock.afterPending(() => {
      const unseen = !exchange.responseStarted && raiseAppExceptions
      exchange.fail(unseen ? error : failedMidway(exchange, error))
    })
  }
}

const REASON = 'Internal Server Error'

function answer500(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.statusCode = 500
  response.statusMessage = REASON
  response.end()
}

/** What a listener has left for later, such as to parse the content at its end, may throw as well. */
function catchInEvents(emitter: EventEmitter, failed: (error: unknown) => void): void {
  catchRejections(emitter, failed)
  const { emit } = emitter
  emitter.emit = (...event) => {
    let heard = true
    attempt(() => {
      heard = Reflect.apply(emit, emitter, event)
    }, failed)
    return heard
  }
}

/**
 * And async listeners may reject: `captureRejections`, which is the constructor's option, for an
 * emitter that is there already. `init` leaves its listeners alone (Node 20 to 26, Bun, Deno); where
 * it is missing a rejection goes to the process.
 */
function catchRejections(emitter: EventEmitter, failed: (error: unknown) => void): void {
  const init: unknown = Reflect.get(EventEmitter, 'init')
  if (typeof init !== 'function') return
  Object.defineProperty(emitter, captureRejectionSymbol, {
    value: failed,
    configurable: true,
    writable: true,
  })
  Reflect.apply(init, emitter, [{ captureRejections: true }])
}

/** @returns whether it threw */
function attempt(call: () => void, failed: (error: unknown) => void): boolean {
  try {
    call()
    return false
  } catch (error) {
    failed(error)
    return true
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
