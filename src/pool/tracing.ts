import { AsyncResource } from 'node:async_hooks'
import type { Channel } from 'node:diagnostics_channel'
import { channel } from 'node:diagnostics_channel'
import type { Clock } from '../backends/backend.ts'
import type { EventInfos, EventName, Trace } from '../models/events.ts'

const channels: Readonly<Record<EventName, Channel>> = {
  'request:start': channel('hawser:request:start'),
  'request:end': channel('hawser:request:end'),
  'connection:open': channel('hawser:connection:open'),
  'connection:close': channel('hawser:connection:close'),
}
const requestStart = channels['request:start']
const requestEnd = channels['request:end']
const connectionOpen = channels['connection:open']
const connectionClose = channels['connection:close']

/** Passes events to the `trace` callbacks and to the subscribers of the diagnostics channels. */
export class Tracing {
  readonly clock: Clock
  readonly #traces: readonly Trace[]

  constructor(clock: Clock, traces: readonly Trace[] = []) {
    this.clock = clock
    this.#traces = traces
  }

  /** Returns a copy with one more `trace` callback. */
  with(trace: Trace): Tracing {
    return new Tracing(this.clock, [...this.#traces, trace])
  }

  /** Whether there is any listener. A request without one is not traced. */
  get hasListeners(): boolean {
    return (
      this.#traces.length > 0 ||
      requestEnd.hasSubscribers ||
      requestStart.hasSubscribers ||
      connectionOpen.hasSubscribers ||
      connectionClose.hasSubscribers
    )
  }

  hasListenersFor(event: EventName): boolean {
    return this.#traces.length > 0 || channels[event].hasSubscribers
  }

  /** Publishes in the current async context. Exceptions of listeners become uncaught exceptions. */
  publish<Name extends EventName>(event: Name, info: EventInfos[Name]): void {
    channels[event].publish(info) // Node.js makes a subscriber's exception an uncaught one
    for (const trace of this.#traces) {
      try {
        ;(trace as (event: EventName, info: object) => void)(event, info)
      } catch (error) {
        this.clock.microtask(() => {
          throw error
        })
      }
    }
  }
}

/** Publishes events of a request and its new connection, in the async context of its `dispatch`. */
export class TraceContext extends AsyncResource {
  readonly #tracing: Tracing

  constructor(tracing: Tracing) {
    super('HawserTrace', { requireManualDestroy: true })
    this.#tracing = tracing
  }

  hasListenersFor(event: EventName): boolean {
    return this.#tracing.hasListenersFor(event)
  }

  publish<Name extends EventName>(event: Name, info: EventInfos[Name]): void {
    this.runInAsyncScope(() => this.#tracing.publish(event, info))
  }
}
