import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { BodySink, Exchange, ResponseSink } from '../connection/exchange.ts'
import type { Headers } from '../models/headers.ts'
import { memberOf } from '../models/options.ts'
import type { DispatchHandler } from '../models/request.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import { ReadMemory } from './read-memory.ts'
import { Response } from './response.ts'
import { ResponseBody } from './response-body.ts'

/** Calls the handler of a `dispatch`, in the async context of that `dispatch`. */
export class HandlerSink implements ResponseSink, BodySink {
  readonly #handler: DispatchHandler
  readonly #memory: ReadMemory | null
  readonly #callerContext = new AsyncResource('HawserDispatch', { requireManualDestroy: true })

  constructor(handler: DispatchHandler, copy: boolean) {
    this.#handler = handler
    this.#memory = copy ? new ReadMemory() : null
  }

  onInformational(head: ResponseHead): void {
    const handler = this.#handler
    if (hasMember(handler, 'onInformational') && handler.onInformational !== undefined) {
      this.#callerContext.runInAsyncScope(handler.onInformational, handler, head)
    }
  }

  onHead(head: ResponseHead): BodySink {
    const handler = this.#handler
    this.#callerContext.runInAsyncScope(handler.onHead, handler, head)
    return this
  }

  onBody(source: Buffer, start: number, end: number): boolean {
    const handler = this.#handler
    const chunk =
      this.#memory === null ? source.subarray(start, end) : this.#memory.toOwned(source, start, end)
    return this.#callerContext.runInAsyncScope(handler.onData, handler, chunk) !== false
  }

  target(missing: number): Buffer | null {
    return this.#memory === null ? null : this.#memory.target(missing)
  }

  onEnd(trailers: Headers): void {
    const handler = this.#handler
    this.#callerContext.runInAsyncScope(handler.onEnd, handler, trailers)
  }

  onError(error: unknown): void {
    const handler = this.#handler
    this.#callerContext.runInAsyncScope(handler.onError, handler, error)
  }

  onUpgrade(openSocket: () => Duplex, firstBytes: Buffer, head: ResponseHead): boolean {
    const handler = this.#handler
    if (!hasMember(handler, 'onUpgrade') || handler.onUpgrade === undefined) return false
    const socket = openSocket()
    this.#callerContext.runInAsyncScope(handler.onUpgrade, handler, socket, firstBytes, head)
    return true
  }
}

/** Whether a promise for a response waits until a body of this length has arrived. NaN: unknown. */
export type WaitsForBody = (head: ResponseHead, length: number) => boolean

/** Whether the handler has it. A function on a polluted `Object.prototype` does not count. */
function hasMember(handler: DispatchHandler, name: 'onInformational' | 'onUpgrade'): boolean {
  return memberOf(handler, name) !== undefined
}

/** Settles the promise of one `pool.request()`. */
export class PendingResponse implements ResponseSink {
  // Null after the head: through the promise they would keep the response from garbage collection.
  #resolve: ((response: Response) => void) | null
  #reject: ((error: unknown) => void) | null
  readonly #waitsForBody: WaitsForBody | null

  /** @param waitsForBody called with the head, if the body is small; null never to wait for it */
  constructor(
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
    waitsForBody: WaitsForBody | null,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#waitsForBody = waitsForBody
  }

  onInformational(): void {}

  onHead(head: ResponseHead, length: number, exchange: Exchange): BodySink {
    const body = new ResponseBody(exchange, length)
    const response = new Response(head, body)
    body.holdWeakly(response)
    const resolve = this.#resolve
    this.#resolve = this.#reject = null
    if (body.isReadAhead && this.#waitsForBody?.(head, length)) {
      body.onNextStep(() => resolve?.(response))
    } else resolve?.(response)
    return body
  }

  onError(error: unknown): void {
    this.#reject?.(error)
  }

  onUpgrade(): boolean {
    return false
  }
}
