import type { Gauge } from './gauge.ts'
import type { Ports } from './servers.ts'

export interface ScenarioContext {
  readonly ports: Ports
  readonly gauge: Gauge
  /** The fraction of the full size: 1, or less for a short run. */
  readonly scale: number
  /** The maximum number of connections that this process can open. */
  readonly maxConnections: number
}

/** A load that the client must handle. */
export interface Scenario {
  readonly name: string
  /** The limit for the growth of memory during a round, in MB. */
  readonly memory: number
  /**
   * Runs the scenario once and returns a summary. Throws if a check fails. Closes what it opens.
   */
  readonly round: (context: ScenarioContext) => Promise<string>
}
