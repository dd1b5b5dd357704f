// Runs the checks as a program. Prints what failed as a JSON array, and must end by itself.
import { failedChecks } from './scenario.ts'

failedChecks(process.argv.at(-1) ?? '').then(
  (failures) => console.log(JSON.stringify(failures)),
  (error: unknown) => console.error(error),
)
