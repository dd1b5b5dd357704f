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

/** Tells `trace` callbacks and the subscribers of the channels what happens. */
export class Tracing {
  readonly clock: Clock
  readonly #traces: readonly Trace[]

  constructor(clock: Clock, traces: readonly Trace[] = []) {
    this.clock = clock
    this.#traces = traces
  }

  /** The same with one more listener. */
  with(trace: Trace): Tracing {
    return new Tracing(this.clock, [...this.#traces, trace])
  }

  /** Asked once for each request: if not, it is not traced. */
  get isHeard(): boolean {
    return (
      this.#traces.length > 0 ||
      requestEnd.hasSubscribers ||
      requestStart.hasSubscribers ||
      connectionOpen.hasSubscribers ||
      connectionClose.hasSubscribers
    )
  }

  hears(event: EventName): boolean {
    return this.#traces.length > 0 || channels[event].hasSubscribers
  }

  /** Tells it in the present async context. An exception of a listener is uncaught, and has no other effect. */
  tell<Name extends EventName>(event: Name, info: EventInfos[Name]): void {
    channels[event].publish(info) // a subscriber's exception is uncaught by itself
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

/** Who is told of one request, and of the connection opened for it: in the async context of its `dispatch`. */
export class TraceContext extends AsyncResource {
  readonly #tracing: Tracing

  constructor(tracing: Tracing) {
    super('HawserTrace', { requireManualDestroy: true })
    this.#tracing = tracing
  }

  hears(event: EventName): boolean {
    return this.#tracing.hears(event)
  }

  tell<Name extends EventName>(event: Name, info: EventInfos[Name]): void {
    this.runInAsyncScope(() => this.#tracing.tell(event, info))
  }
}
