// As program.ts, with the mock timers of `node:test`, which replace the globals and the members of
// `node:timers`.
import { mock } from 'node:test'
import { failedChecks } from './scenario.ts'

mock.timers.enable()
failedChecks(process.argv.at(-1) ?? '').then(
  (failures) => console.log(JSON.stringify(failures)),
  (error: unknown) => console.error(error),
)
