import type { AsyncResource } from 'node:async_hooks'
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

/** Who hears of a pool: its own `trace`, and whoever has subscribed to the channels. */
export class Tracing {
  readonly clock: Clock
  readonly #trace: Trace | null

  constructor(clock: Clock, trace: Trace | null) {
    this.clock = clock
    this.#trace = trace
  }

  /** Asked once for each request: if not, it is not traced. */
  get isHeard(): boolean {
    return (
      this.#trace !== null ||
      requestEnd.hasSubscribers ||
      requestStart.hasSubscribers ||
      connectionOpen.hasSubscribers ||
      connectionClose.hasSubscribers
    )
  }

  hears(event: EventName): boolean {
    return this.#trace !== null || channels[event].hasSubscribers
  }

  /** @param context where it is told; null for here. What a listener throws is its own affair. */
  tell<Name extends EventName>(
    event: Name,
    info: EventInfos[Name],
    context: AsyncResource | null,
  ): void {
    if (context === null) this.#tell(event, info)
    else context.runInAsyncScope(this.#tell, this, event, info)
  }

  #tell(event: EventName, info: EventInfos[EventName]): void {
    channels[event].publish(info) // a subscriber's exception is uncaught, and not ours
    if (this.#trace === null) return
    try {
      ;(this.#trace as (event: EventName, info: object) => void)(event, info)
    } catch (error) {
      this.clock.microtask(() => {
        throw error
      })
    }
  }
}
