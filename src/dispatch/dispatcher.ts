import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'

/**
 * Sends requests: a `ConnectionPool`, an `AppDispatcher`, a `MockDispatcher`, or your own class.
 */
export interface Dispatcher {
  /**
   * Sends one request. Never throws: every failure is reported to `handler.onError`.
   *
   * No method of `handler` is called before `dispatch` has returned. Then `onHead` is called,
   * `onData` any number of times, and exactly one of `onEnd`, `onError` and `onUpgrade`, once. If
   * `onHead` or `onData` throws, the request ends and `onError` receives what was thrown. After
   * `onData` has returned false, no chunk follows until `control.resume()` is called.
   * `control.abort(reason)` ends the request; `onError` receives `reason`.
   *
   * The dispatcher owns the chunks: it may overwrite a chunk as soon as `onData` has returned.
   *
   * The dispatcher must apply `connect`, `read`, `write` and `pool` of `request.timeouts`. A client
   * cannot: it does not see whether the dispatcher waits for a server, for a connection or for the
   * body of the request. A dispatcher that applies no read timeout leaves calls hanging, unless
   * they have a `total` timeout or a signal. The client applies these two: it calls
   * `control.abort(reason)`, and the call ends at once. A dispatcher that is used without a client
   * must apply them, too.
   *
   * A client reports the start and the end of each request that it sends this way to its `trace`
   * and to the diagnostics channels.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl
  /** Closes the dispatcher: requests in progress and later ones fail with `ClientClosed`. */
  close(): Promise<void>
}
