import type { RuntimeName } from './runtimes.ts'

/** Tests that fail on a runtime, and why that is not for us to mend. */
export interface Known {
  readonly on: RuntimeName
  /** Below test/, without its end. */
  readonly file: string
  readonly test: RegExp
  readonly reason: string
}

export const KNOWN: readonly Known[] = []
