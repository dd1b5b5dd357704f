import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'

/** What sends requests: a `ConnectionPool`, an `AppDispatcher`, a `MockDispatcher`, or one of your own. */
export interface Dispatcher {
  /**
   * Sends one request. Never throws: whatever goes wrong is told to `handler.onError`. Nothing is told
   * before this has returned; then `onHead`, any number of `onData` and exactly one of `onEnd`, `onError`
   * and `onUpgrade`, once. A chunk given to `onData` is borrowed, so its bytes may be used again once
   * that has returned. When it returns false no other chunk follows until `control.resume()`. What
   * `onHead` or `onData` throws ends the request, and goes to `onError`. `control.abort(reason)` ends it
   * with `reason`. The request's `timeouts` and `signal` are the dispatcher's to honour. A client traces the
   * requests that it sends this way: `trace` and the diagnostics channels report a start and an end of each.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl
  /** What is in flight fails, and what comes later is refused, with `ClientClosed`. */
  close(): Promise<void>
}
