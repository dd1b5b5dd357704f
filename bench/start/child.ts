// One start, in a process of its own: `node child.js CONTESTANT URL` prints a `Start` as JSON.
import { contestants } from './contestants.ts'

/** In milliseconds. */
export interface Start {
  /** From the call of `import()` until it is done. */
  readonly import: number
  /** User and system time of all threads meanwhile. */
  readonly importCpu: number
  /** From the call of `import()` until the first answer has been read. */
  readonly answer: number
  readonly answerCpu: number
}

const [name = '', url = ''] = process.argv.slice(2)
const load = contestants[name]
if (load === undefined) throw new Error(`no contestant named ${name}`)

const begin = performance.now()
const beginCpu = process.cpuUsage()
const since = () => {
  const { user, system } = process.cpuUsage(beginCpu)
  return { time: performance.now() - begin, cpu: (user + system) / 1000 }
}
const request = await load()
const loaded = since()
await request(url)
const answered = since()
const start: Start = {
  import: loaded.time,
  importCpu: loaded.cpu,
  answer: answered.time,
  answerCpu: answered.cpu,
}
console.log(JSON.stringify(start))
process.exit()
