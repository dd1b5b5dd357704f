import type { Headers } from '../../models/headers.ts'
import { callable, option } from '../../models/options.ts'
import { BaseDispatcher } from '../../pool/base-dispatcher.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { LocalCall } from './local-call.ts'
import { localParts } from './local-parts.ts'
import { readLocalContent, receivedHeaders, targetUri } from './local-request.ts'
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

/**
 * Answers every request by a function, for tests of code that uses a client. Requests are published on
 * the diagnostics channels, and a client's `trace` is told of those that this client sends.
 */
export class MockDispatcher extends BaseDispatcher implements Dispatcher {
  /**
   * `handler` is given the request with its content read, and returns a description of the response,
   * or a fetch `Response`. What it throws is thrown to the caller: a `ConnectTimeout` is as good as a
   * real one. Throws `TypeError` for what is no function.
   */
  constructor(handler: MockHandler) {
    callable('handler', handler)
    super(
      localParts((exchange, request) => {
        const call = new LocalCall(exchange, true)
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
      }),
    )
  }
}
