// `npm run load -- [--short] [NAMES]`: what many calls at once and hostile servers cost. Prints a table; exit
// status 1 if a claim is not kept: each call ends as it has to, memory is flat over the rounds and bounded in
// between, the event loop turns.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CROWDS } from './crowds.ts'
import { Gauge, heldMemory } from './gauge.ts'
import { HOSTILE } from './hostile.ts'
import type { Scenario } from './scenario.ts'
import type { Ports } from './servers.ts'

const ROUNDS = 4
/** What the last round may leave more than the first, which has made what is made once: a share, and MB. */
const GROWTH = [0.1, 2] as const
/** The event loop may stand still for so long, in ms; what it really was is printed. */
const BLOCKED = 5000
/** Files that a process has open anyway. */
const RESERVED = 200

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const scale = values.short ? 0.1 : 1
const scenarios = [...CROWDS, ...HOSTILE].filter(
  ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
)

// Node has raised its own limit as far as it may.
const limit = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout.trim()
const maxConnections = limit === 'unlimited' ? Infinity : Number(limit) - RESERVED
if (maxConnections < 2000 * scale) {
  console.log(`ulimit -n is ${limit}: too low for all, ${maxConnections} connections at most`)
}

const servers = fork(fileURLToPath(new URL('servers.js', import.meta.url)))
const [ports] = (await once(servers, 'message')) as [Ports]
const COLUMNS = ['seconds', 'loop p99', 'loop max', 'memory', 'left'] as const
console.log(
  `${ROUNDS} rounds each; loop delay in ms; memory is the most while it lasted, left what stayed, in MB`,
)
console.log(`${''.padEnd(26)}${COLUMNS.map((name) => name.padStart(10)).join('')}`)
let broken = 0
for (const scenario of scenarios) await run(scenario)
servers.disconnect()
console.log(broken === 0 ? 'All claims were kept.' : `${broken} claims were not kept.`)
process.exitCode = broken === 0 ? 0 : 1

async function run({ name, memory, round }: Scenario): Promise<void> {
  const claims: string[] = []
  const held: number[] = []
  const start = performance.now()
  let [said, usualDelay, delay, growth] = ['', 0, 0, 0]
  for (let i = 0; i < ROUNDS; i++) {
    const gauge = new Gauge()
    try {
      said = await round({ ports, gauge, scale, maxConnections })
    } catch (error) {
      claims.push(String(error))
    }
    usualDelay = Math.max(usualDelay, gauge.usualDelay)
    delay = Math.max(delay, gauge.delay)
    growth = Math.max(growth, gauge.growth)
    gauge.stop()
    held.push(await heldMemory())
  }
  const [first, last] = [held[0]!, held.at(-1)!]
  if (last > first * (1 + GROWTH[0]) + GROWTH[1]) {
    claims.push(`memory grew: ${held.map((mb) => mb.toFixed(1)).join(', ')} MB after the rounds`)
  }
  if (growth > memory) claims.push(`it needed ${growth.toFixed()} MB, more than ${memory}`)
  if (delay > BLOCKED) claims.push('the event loop stood still')
  const seconds = (performance.now() - start) / 1000
  const figures = [seconds, usualDelay, delay, growth, last - first]
  console.log(
    `${name.padEnd(26)}${figures.map((one) => one.toFixed(1).padStart(10)).join('')}  ${said}`,
  )
  for (const claim of claims) console.log(`  NOT KEPT: ${claim}`)
  broken += claims.length
}
