import { captureRejectionSymbol, EventEmitter } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { memoryBackend } from '../../backends/memory.ts'
import type { HostPort, MemoryPeer } from '../../backends/memory-peer.ts'
import type { MemorySocket } from '../../backends/memory-socket.ts'
import { systemClock } from '../../backends/system-clock.ts'
import { Connection } from '../../connection/connection.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { withoutPrototype } from '../../models/options.ts'
import { asError, isThenable } from '../../models/value-kind.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { poolParts } from '../../pool/pool.ts'
import { INTERNAL_SERVER_ERROR, responseFailed } from '../in-process/in-process-call.ts'
import type { NodeApp } from './app-kind.ts'
import type { RequestEvent } from './listener-server.ts'
import { createListenerServer } from './listener-server.ts'

export interface ListenerOptions {
  readonly client: HostPort
  readonly rootPath: string
  readonly raiseAppExceptions: boolean
}

/** Makes the parts of a pool whose connections all lead to a listener in this process. */
export function listenerParts(app: NodeApp, options: ListenerOptions): DispatcherParts {
  const calls = new ListenerCalls(app, options)
  const backend = memoryBackend((peer, _, socket) => calls.accept(peer, socket), options.client)
  // No limit on connections: they are only objects, and need no descriptors or ports.
  const limits = { maxConnections: null, maxKeepaliveConnections: 100 }
  return { ...poolParts({ backend, limits }), name: 'dispatcher' }
}

/** Calls the listeners of an app, and reports their errors to the exchange that they belong to. */
class ListenerCalls {
  readonly #app: NodeApp
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #sockets = new WeakMap<Duplex, MemorySocket>()

  constructor(app: NodeApp, options: ListenerOptions) {
    this.#app = app
    this.#options = options
    this.#server = createListenerServer(app, (listeners, event) => this.#serve(listeners, event))
  }

  accept(peer: MemoryPeer, socket: MemorySocket): void {
    this.#sockets.set(peer, socket)
    this.#server.emit('connection', peer)
  }

  #serve(listeners: unknown[], event: RequestEvent): void {
    const [request] = event
    // Looked up now, because the connection may carry another exchange when a promise rejects.
    const exchange = this.#exchangeOf(request)
    const { rootPath } = this.#options
    if (rootPath !== '') Object.assign(request, { baseUrl: rootPath })
    const onError = (error: unknown) => this.#handleError(exchange, event, error)
    catchListenerErrors(request, onError)
    catchListenerErrors(event[1], onError)
    const { ready } = this.#app
    if (ready === null) this.#call(listeners, event, onError)
    else attempt(() => ready().then(() => this.#call(listeners, event, onError), onError), onError)
  }

  #call(listeners: unknown[], event: RequestEvent, onError: (error: unknown) => void): void {
    const { server } = this.#app
    for (const listener of listeners) {
      const threw = attempt(() => {
        const result: unknown = Reflect.apply(listener as () => unknown, server, event)
        if (isThenable(result)) result.then(undefined, onError)
      }, onError)
      if (threw) return
    }
  }

  #exchangeOf(request: IncomingMessage): Exchange | null {
    const handler = this.#sockets.get(request.socket)?.handler
    return handler instanceof Connection ? handler.exchange : null
  }

  /**
   * Reports an error of a listener: to the caller if `raiseAppExceptions` is true, otherwise as a
   * 500. `to` is a `ServerResponse`, or the raw socket of an `upgrade` or `connect` event.
   */
  #handleError(exchange: Exchange | null, [, to]: RequestEvent, error: unknown): void {
    if (exchange === null || exchange.settled) {
      // The caller has aborted or has its response. Only a raw socket can still report the error.
      if (!('writeHead' in to)) to.destroy(asError(error))
    } else if (!('writeHead' in to)) {
      if (this.#options.raiseAppExceptions) exchange.fail(error)
      else
        to.end(
          `HTTP/1.1 500 ${INTERNAL_SERVER_ERROR.statusText}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        )
    } else if (to.headersSent && !to.writableEnded) {
      this.#failAfterPending(exchange, error)
    } else if (this.#options.raiseAppExceptions) {
      exchange.fail(exchange.responseStarted ? responseFailed(exchange, error) : error)
    } else if (!to.headersSent) {
      send500(to)
    }
  }

  /**
   * Fails the exchange after what was written has arrived: Node's http sends it on the next tick.
   */
  #failAfterPending(exchange: Exchange, error: unknown): void {
    const { raiseAppExceptions } = this.#options
    systemClock.afterPending(() => {
      const isBeforeHead = !exchange.responseStarted && raiseAppExceptions
      exchange.fail(isBeforeHead ? error : responseFailed(exchange, error))
    })
  }
}

function send500(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.statusCode = INTERNAL_SERVER_ERROR.status
  response.statusMessage = INTERNAL_SERVER_ERROR.statusText
  response.end()
}

/**
 * Catches the errors of listeners for later events, such as `end`, where apps parse the content.
 */
function catchListenerErrors(emitter: EventEmitter, onError: (error: unknown) => void): void {
  catchRejections(emitter, onError)
  const { emit } = emitter
  emitter.emit = (...event) => {
    let hadListeners = true
    attempt(() => {
      hadListeners = Reflect.apply(emit, emitter, event)
    }, onError)
    return hadListeners
  }
}

/**
 * Catches the rejections of async listeners: sets the option `captureRejections` of the constructor
 * on an existing emitter. `EventEmitter.init` does that without removing listeners (Node 20 to 26,
 * Bun, Deno). On a runtime without `init`, rejections stay unhandled and reach the process.
 */
function catchRejections(emitter: EventEmitter, onError: (error: unknown) => void): void {
  const init: unknown = Reflect.get(EventEmitter, 'init')
  if (typeof init !== 'function') return
  const handler = withoutPrototype({ value: onError, configurable: true, writable: true })
  Object.defineProperty(emitter, captureRejectionSymbol, handler)
  Reflect.apply(init, emitter, [withoutPrototype({ captureRejections: true })])
}

/** Calls a function, and passes what it throws to `onError`. @returns whether it threw */
function attempt(call: () => void, onError: (error: unknown) => void): boolean {
  try {
    call()
    return false
  } catch (error) {
    onError(error)
    return true
  }
}
