import type { DispatchRequest } from '../models/request.ts'
import { ConnectionPool } from '../pool/pool.ts'
import type { Response } from '../pool/response.ts'
import { AppDispatcher } from './apps/app-dispatcher.ts'
import type { Dispatcher } from './dispatcher.ts'
import { ForeignCall } from './local/foreign-call.ts'
import { LocalExchanges } from './local/local-exchanges.ts'
import { MockDispatcher } from './local/mock-dispatcher.ts'

/** What sends requests, and has a promise of each response. */
export interface Responder {
  request(request: DispatchRequest): Promise<Response>
  close(): Promise<void>
}

const OWN = [ConnectionPool, AppDispatcher, MockDispatcher]

/**
 * Pools, apps and mocks are responders themselves; any other dispatcher, and a subclass with a
 * `dispatch` of its own, is adapted. Throws `TypeError` for what is no dispatcher.
 */
export function responderOf(dispatcher: Dispatcher): Responder {
  if (typeof dispatcher?.dispatch !== 'function' || typeof dispatcher.close !== 'function') {
    throw new TypeError('A dispatcher has to have the methods dispatch and close')
  }
  for (const Own of OWN) {
    const isOwn = dispatcher instanceof Own && dispatcher.dispatch === Own.prototype.dispatch
    if (isOwn) return dispatcher
  }
  const exchanges = new LocalExchanges((exchange, request) => {
    new ForeignCall(exchange).start(dispatcher, request)
  })
  return {
    request: (request) => exchanges.request(request),
    async close() {
      await exchanges.close()
      await dispatcher.close()
    },
  }
}
