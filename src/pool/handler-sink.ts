import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { BodySink, ResponseSink } from '../connection/exchange.ts'
import type { Headers } from '../models/headers.ts'
import type { DispatchHandler } from '../models/request.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import { Slab } from './slab.ts'

/** Calls the handler of `dispatch`, in the async context in which that was called. */
export class HandlerSink implements ResponseSink, BodySink {
  readonly #handler: DispatchHandler
  readonly #slab: Slab | null
  readonly #scope = new AsyncResource('HawserDispatch', { requireManualDestroy: true })

  constructor(handler: DispatchHandler, copy: boolean) {
    this.#handler = handler
    this.#slab = copy ? new Slab() : null
  }

  onInformational(head: ResponseHead): void {
    const handler = this.#handler
    if (handler.onInformational !== undefined) {
      this.#scope.runInAsyncScope(handler.onInformational, handler, head)
    }
  }

  onHead(head: ResponseHead): BodySink {
    const handler = this.#handler
    this.#scope.runInAsyncScope(handler.onHead, handler, head)
    return this
  }

  onBody(source: Buffer, start: number, end: number): boolean {
    const handler = this.#handler
    const chunk =
      this.#slab === null ? source.subarray(start, end) : this.#slab.take(source, start, end)
    return this.#scope.runInAsyncScope(handler.onData, handler, chunk) !== false
  }

  target(missing: number): Buffer | null {
    return this.#slab === null ? null : this.#slab.target(missing)
  }

  onEnd(trailers: Headers): void {
    const handler = this.#handler
    this.#scope.runInAsyncScope(handler.onEnd, handler, trailers)
  }

  onError(error: unknown): void {
    const handler = this.#handler
    this.#scope.runInAsyncScope(handler.onError, handler, error)
  }

  onUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean {
    const handler = this.#handler
    if (handler.onUpgrade === undefined) return false
    const socket = openSocket()
    this.#scope.runInAsyncScope(handler.onUpgrade, handler, socket, firstBytes, head)
    return true
  }
}
