import type { Headers } from '../../models/headers.ts'
import { callable, option } from '../../models/options.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../../models/request.ts'
import type { Response } from '../../pool/response.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { LocalCall } from './local-call.ts'
import { readLocalContent } from './local-content.ts'
import { LocalExchanges } from './local-exchanges.ts'
import { receivedHeaders, targetUri } from './local-request.ts'
import type { MockResponse } from './mock-answer.ts'
import { mockAnswer } from './mock-answer.ts'

/** A request as a mock handler sees it. */
export interface MockRequest {
  readonly method: string
  readonly url: URL
  /** As they would have been sent, Host among them. */
  readonly headers: Headers
  /** All of it; empty where there is none. */
  readonly content: Uint8Array
}

type MockResult = MockResponse | globalThis.Response

/** Answers a request, or throws what the call is to fail with. */
export type MockHandler = (request: MockRequest) => MockResult | PromiseLike<MockResult>

/** Answers every request by a function: for tests of what uses a client. */
export class MockDispatcher implements Dispatcher {
  readonly #exchanges: LocalExchanges

  /**
   * `handler` is given the request with its content read, and returns a description of the response,
   * or a fetch `Response`. What it throws is thrown to the caller: a `ConnectTimeout` is as good as a
   * real one. Throws `TypeError` for what is no function.
   */
  constructor(handler: MockHandler) {
    callable('handler', handler)
    this.#exchanges = new LocalExchanges((exchange, request) => {
      const call = new LocalCall(exchange, this.#exchanges.clock, true)
      void call.run(async () => {
        const { request: sent } = exchange
        const seen: MockRequest = {
          method: sent.method,
          url: new URL(targetUri(sent)),
          headers: receivedHeaders(sent),
          content: await readLocalContent(call, option(request, 'body', null)),
        }
        return mockAnswer(await handler(seen))
      })
    })
  }

  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#exchanges.dispatch(request, handler)
  }

  /** As `ConnectionPool.request`. */
  request(request: DispatchRequest): Promise<Response> {
    return this.#exchanges.request(request)
  }

  close(): Promise<void> {
    return this.#exchanges.close()
  }
}
