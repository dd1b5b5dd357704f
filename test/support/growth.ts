import assert from 'node:assert/strict'

const SMALL = 8 * 1024
const FACTOR = 64
const LIMIT = FACTOR ** 1.5
/** A busy machine may spoil a few; one that is good enough ends them. */
const RUNS = 16

/**
 * Fails if 64 times the input costs more than 512 times the time. Linear work costs about 64 times as
 * much and quadratic 4096, so there is room for a busy machine. `make` gives the input for a size in
 * bytes and is not timed; the best run counts.
 */
export function assertLinear<Input>(
  make: (size: number) => Input,
  work: (input: Input) => unknown,
): void {
  let growth = Infinity
  let small = Infinity
  let large = Infinity
  for (let run = 0; run < RUNS && growth >= LIMIT; run++) {
    small = Math.min(small, duration(make(SMALL), work))
    large = Math.min(large, duration(make(SMALL * FACTOR), work))
    growth = large / small
  }
  assert.ok(growth < LIMIT, `${FACTOR} times the input costs ${growth.toFixed()} times as much`)
}

function duration<Input>(input: Input, work: (input: Input) => unknown): number {
  const start = performance.now()
  work(input)
  return performance.now() - start
}
