import type { BodySink, Exchange, ResponseSink } from '../connection/exchange.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import { Response } from './response.ts'
import { ResponseBody } from './response-body.ts'

/** Settles the promise of one `pool.request`. All that a request holds of its response while it waits. */
export class PendingResponse implements ResponseSink {
  // Until the head is here: they hold the promise, and that the response, which has to be collectable.
  #resolve: ((response: Response) => void) | null
  #reject: ((error: unknown) => void) | null

  constructor(resolve: (response: Response) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onInformational(): void {}

  onHead(head: ResponseHead, length: number, exchange: Exchange): BodySink {
    const body = new ResponseBody(exchange, length)
    const response = new Response(head, body)
    body.belongsTo(response)
    this.#resolve?.(response)
    this.#resolve = this.#reject = null
    return body
  }

  onError(error: unknown): void {
    this.#reject?.(error)
  }

  onUpgrade(): boolean {
    return false
  }
}
