// `node child.js CONTESTANT URL` measures one start-up, and prints a `Start` as JSON.
import { contestants } from './contestants.ts'

/** Durations of one start-up in milliseconds. */
export interface Start {
  /** From the call of `import()` until its promise resolves. */
  readonly import: number
  /** User and system CPU time of all threads in this period. */
  readonly importCpu: number
  /** From the call of `import()` until the first response has been read. */
  readonly response: number
  /** User and system CPU time of all threads in this period. */
  readonly responseCpu: number
}

const [name = '', url = ''] = process.argv.slice(2)
const load = contestants[name]
if (load === undefined) throw new Error(`Unknown contestant: ${name}`)

const begin = performance.now()
const beginCpu = process.cpuUsage()
const elapsed = () => {
  const { user, system } = process.cpuUsage(beginCpu)
  return { time: performance.now() - begin, cpu: (user + system) / 1000 }
}
const request = await load()
const afterImport = elapsed()
await request(url)
const afterResponse = elapsed()
const start: Start = {
  import: afterImport.time,
  importCpu: afterImport.cpu,
  response: afterResponse.time,
  responseCpu: afterResponse.cpu,
}
console.log(JSON.stringify(start))
process.exit()
