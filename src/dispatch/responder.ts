import type { Trace } from '../models/events.ts'
import type { DispatchRequest } from '../models/request.ts'
import { BaseDispatcher, TracedDispatcher } from '../pool/base-dispatcher.ts'
import type { Response } from '../pool/response.ts'
import type { Dispatcher } from './dispatcher.ts'
import { ForeignDispatcher } from './local/foreign-call.ts'

/** What sends requests, and has a promise of each response. */
export interface Responder {
  request(request: DispatchRequest): Promise<Response>
  close(): Promise<void>
}

/**
 * Pools, apps and mocks are responders themselves; any other dispatcher, and a subclass with a
 * `dispatch` of its own, is adapted. Throws `TypeError` for what is no dispatcher.
 *
 * @param trace is told of the requests that are sent through the result, and of their connections
 */
export function responderOf(dispatcher: Dispatcher, trace: Trace | null = null): Responder {
  if (typeof dispatcher?.dispatch !== 'function' || typeof dispatcher.close !== 'function') {
    throw new TypeError('A dispatcher has to have the methods dispatch and close')
  }
  const isOwn =
    dispatcher instanceof BaseDispatcher &&
    dispatcher.dispatch === BaseDispatcher.prototype.dispatch
  const own = isOwn ? dispatcher : new ForeignDispatcher(dispatcher)
  return trace === null ? own : new TracedDispatcher(own, trace)
}
