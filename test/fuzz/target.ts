import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import { keptInputs } from './corpus.ts'

/** One piece of code, the inputs that it is tried with, and what has to hold for each. */
export interface FuzzTarget<Input = unknown> {
  readonly name: string
  /** Nothing but JSON, so that a failing input can be kept and read. */
  readonly inputs: Arbitrary<Input>
  /** Throws if `input` breaks what is promised. Leaves nothing behind, whether it throws or not. */
  readonly check: (input: Input) => void | Promise<void>
}

/** Checks the types, and then forgets them: targets of different inputs stand in one list. */
export function target<Input>(given: FuzzTarget<Input>): FuzzTarget {
  return given as unknown as FuzzTarget
}

/** What became of some runs. */
export interface Exploration {
  readonly runs: number
  /** Null if nothing failed. */
  readonly failure: {
    /** Made as small as fast-check can. */
    readonly input: unknown
    readonly error: unknown
  } | null
}

/**
 * Tries those inputs that failed once, and then so many others, the same ones for a seed.
 *
 * @param until no further input after that time, by `performance.now()`
 */
export async function explore(
  { name, inputs, check }: FuzzTarget,
  options: { readonly seed: number; readonly runs: number; readonly until?: number },
): Promise<Exploration> {
  const { seed, runs, until } = options
  const kept = keptInputs(name)
  const details = await fc.check(
    fc.asyncProperty(inputs, async (input) => void (await check(input))),
    {
      seed,
      numRuns: kept.length + runs,
      examples: kept.map((input): [unknown] => [input]),
      ...(until !== undefined && {
        interruptAfterTimeLimit: Math.max(1, until - performance.now()),
        markInterruptAsFailure: false,
      }),
    },
  )
  const [input] = details.counterexample ?? []
  return {
    runs: details.numRuns,
    failure: details.counterexample === null ? null : { input, error: details.errorInstance },
  }
}
