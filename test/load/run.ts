// `npm run load -- [--short] [NAMES]`: measures scenarios with many calls at once and with hostile
// servers, and prints a table. The exit status is 1 if a call does not end as expected, if memory
// grows over the rounds or exceeds its limit during a round, or if the event loop is blocked.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Gauge, heldMemory } from './gauge.ts'
import { HOSTILE_SERVERS } from './hostile-servers.ts'
import { MANY_CALLS } from './many-calls.ts'
import type { Scenario } from './scenario.ts'
import type { Ports } from './servers.ts'

const ROUNDS = 4
/**
 * How much more memory may be in use after the last round than after the first: a fraction, and MB.
 * The first round creates what is created once.
 */
const ALLOWED_GROWTH = [0.1, 2] as const
/** The longest allowed event loop delay, in ms. The measured delay is printed. */
const MAX_LOOP_DELAY = 5000
/** File descriptors that are not available for connections. */
const RESERVED_FILES = 200

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const scale = values.short ? 0.1 : 1
const scenarios = [...MANY_CALLS, ...HOSTILE_SERVERS].filter(
  ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
)

// Node has raised its soft limit to the hard limit, and the shell inherits it.
const limit = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout.trim()
const maxConnections = limit === 'unlimited' ? Infinity : Number(limit) - RESERVED_FILES
if (maxConnections < 2000 * scale) {
  console.log(`ulimit -n is ${limit}, so scenarios use at most ${maxConnections} connections`)
}

const servers = fork(fileURLToPath(new URL('servers.js', import.meta.url)))
const [ports] = (await once(servers, 'message')) as [Ports]
const COLUMNS = ['seconds', 'loop p99', 'loop max', 'memory', 'left'] as const
console.log(
  `${ROUNDS} rounds each. loop: event loop delay in ms. memory: peak growth in MB. left: growth over the rounds in MB`,
)
console.log(`${''.padEnd(26)}${COLUMNS.map((name) => name.padStart(10)).join('')}`)
let failed = 0
for (const scenario of scenarios) await run(scenario)
servers.disconnect()
console.log(failed === 0 ? 'All checks passed.' : `${failed} checks failed.`)
process.exitCode = failed === 0 ? 0 : 1

async function run({ name, memory, round }: Scenario): Promise<void> {
  const failures: string[] = []
  const held: number[] = []
  const start = performance.now()
  let [summary, usualDelay, delay, growth] = ['', 0, 0, 0]
  for (let i = 0; i < ROUNDS; i++) {
    const gauge = new Gauge()
    try {
      summary = await round({ ports, gauge, scale, maxConnections })
    } catch (error) {
      failures.push(String(error))
    }
    usualDelay = Math.max(usualDelay, gauge.delay99)
    delay = Math.max(delay, gauge.maxDelay)
    growth = Math.max(growth, gauge.memoryGrowth)
    gauge.stop()
    held.push(await heldMemory())
  }
  const [first, last] = [held[0]!, held.at(-1)!]
  if (last > first * (1 + ALLOWED_GROWTH[0]) + ALLOWED_GROWTH[1]) {
    failures.push(`memory grew: ${held.map((mb) => mb.toFixed(1)).join(', ')} MB after the rounds`)
  }
  if (growth > memory)
    failures.push(`used ${growth.toFixed()} MB more memory, the limit is ${memory} MB`)
  if (delay > MAX_LOOP_DELAY) failures.push(`the event loop was blocked for ${delay.toFixed()} ms`)
  const seconds = (performance.now() - start) / 1000
  const figures = [seconds, usualDelay, delay, growth, last - first]
  console.log(
    `${name.padEnd(26)}${figures.map((one) => one.toFixed(1).padStart(10)).join('')}  ${summary}`,
  )
  for (const failure of failures) console.log(`  FAILED: ${failure}`)
  failed += failures.length
}
