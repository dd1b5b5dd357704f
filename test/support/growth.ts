import assert from 'node:assert/strict'

const SMALL = 8 * 1024
const FACTOR = 64
/** Garbage collection and cache misses make linear work grow faster on a busy machine. */
const LIMIT = FACTOR ** 1.7
/** Maximum number of runs. The first run below the limit is sufficient; others may be disturbed. */
const RUNS = 16

/**
 * Fails if 64 times the input takes more than 1176 times as long. Linear work takes about 64 times
 * as long, quadratic work 4096 times. The best run counts.
 *
 * @param make creates the input for a size in bytes; not timed
 * @param work the work that is timed
 */
export function assertLinear<Input>(
  make: (size: number) => Input,
  work: (input: Input) => unknown,
): void {
  let growth = Infinity
  let small = Infinity
  let large = Infinity
  for (let run = 0; run < RUNS && growth >= LIMIT; run++) {
    small = Math.min(small, measureTime(make(SMALL), work))
    large = Math.min(large, measureTime(make(SMALL * FACTOR), work))
    growth = large / small
  }
  assert.ok(growth < LIMIT, `${FACTOR} times the input takes ${growth.toFixed()} times as long`)
}

/**
 * Returns the CPU time of `work` in milliseconds, or the elapsed time if that is less. On a busy
 * machine a long run waits for other processes, which elapsed time would include.
 */
function measureTime<Input>(input: Input, work: (input: Input) => unknown): number {
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  work(input)
  const elapsed = performance.now() - start
  const { user, system } = process.cpuUsage(cpuBefore)
  return Math.min(elapsed, (user + system) / 1000 || elapsed)
}
