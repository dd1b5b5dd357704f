// The command `npm run test:libraries`: runs real libraries with `fetch` of Hawser against local servers,
// and prints the table that docs/fetch.md contains. Exits with 1 if a library does not work. Installs the
// libraries in .modern/, and runs on Node.js 24.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { install, runtime } from '../../runtimes/runtimes.ts'
import { installModern } from '../modern.ts'

install()
installModern()
const worker = fileURLToPath(new URL('./worker.js', import.meta.url))
const { status } = spawnSync(runtime('node24').binary, ['--enable-source-maps', worker], {
  stdio: 'inherit',
})
process.exitCode = status ?? 1
