import type { Gauge } from './gauge.ts'
import type { Ports } from './servers.ts'

export interface World {
  readonly ports: Ports
  readonly gauge: Gauge
  /** So much of the full size: 1, or less for a short run. */
  readonly scale: number
  /** As many connections as this process may have. */
  readonly maxConnections: number
}

/** A situation that the process has to survive. */
export interface Scenario {
  readonly name: string
  /** How much more memory it may need while it lasts, in MB. */
  readonly memory: number
  /** Once through; says what happened. Throws if a claim is not kept. Leaves nothing open. */
  readonly round: (world: World) => Promise<string>
}
