import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'
import { keptInputs } from './corpus.ts'

/** A fuzzer for one part of the code: its inputs, and a check that must hold for each of them. */
export interface FuzzTarget<Input = unknown> {
  readonly name: string
  /** JSON values only, so that a failing input can be stored and read. */
  readonly inputs: Arbitrary<Input>
  /** Throws if the code violates a guarantee for `input`. Cleans up in any case. */
  readonly check: (input: Input) => void | Promise<void>
}

/** Checks the types of a target and erases them, so that one list can hold all targets. */
export function target<Input>(given: FuzzTarget<Input>): FuzzTarget {
  return given as unknown as FuzzTarget
}

/** The result of a number of runs. */
export interface Exploration {
  readonly runs: number
  /** Null if no input failed. */
  readonly failure: {
    /** Minimised by fast-check. */
    readonly input: unknown
    readonly error: unknown
  } | null
}

/**
 * Tries the inputs that failed before, and then `runs` random ones, which depend only on the seed.
 *
 * @param until the time after which no further input is tried, as returned by `performance.now()`
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
