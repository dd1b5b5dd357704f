// Tries each feature of each library, and prints the results. Runs on Node.js 24.
import { setTimeout as wait } from 'node:timers/promises'
import { createFetch } from '../../../src/fetch/index.ts'
import { requireModern } from '../modern.ts'
import { libraries } from './catalogue.ts'
import type { Feature, Library, Scenario } from './library.ts'
import { FEATURES, World } from './library.ts'
import { libraryTable } from './table.ts'

/** In ms, for one scenario while others run. */
const TIME_LIMIT = 20_000

interface Trial {
  readonly library: Library
  readonly feature: Feature
  readonly scenario: Scenario
}

const hawserFetch = createFetch({ trustEnv: false })
const failures = new Map<string, unknown>()

const trials = libraries.flatMap((library) =>
  FEATURES.flatMap((feature): Trial[] => {
    const scenario = library.features[feature]
    return scenario === undefined ? [] : [{ library, feature, scenario }]
  }),
)
const usesGlobal = ({ library }: Trial) => library.usage === 'global'

globalThis.fetch = () => Promise.reject(new Error('the library called the global fetch'))
await Promise.all(trials.filter((trial) => !usesGlobal(trial)).map(attempt))
for (const trial of trials.filter(usesGlobal)) await attempt(trial)
await hawserFetch.close()

console.log(
  libraryTable((library, feature) => (failures.has(keyOf(library, feature)) ? 'FAILED' : 'yes')),
)
for (const [key, error] of failures) console.error(`${key} failed:`, error)
process.exit(failures.size === 0 ? 0 : 1)

function keyOf({ name }: Library, feature: Feature): string {
  return `${name}, ${feature}`
}

async function attempt(trial: Trial): Promise<void> {
  const world = new World(hawserFetch as typeof fetch, requireModern)
  if (usesGlobal(trial)) globalThis.fetch = world.fetch
  try {
    await Promise.race([trial.scenario(world), timeLimit()])
    world.assertUsed()
  } catch (error) {
    failures.set(keyOf(trial.library, trial.feature), error)
  } finally {
    world.close()
  }
}

async function timeLimit(): Promise<never> {
  await wait(TIME_LIMIT, undefined, { ref: false })
  throw new Error(`not done after ${TIME_LIMIT} ms`)
}
