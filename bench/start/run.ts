// The command `npm run bench:start`: measures the import and the first request of each client, in
// new processes. The contestants take turns. Ratios are computed within a round; the table shows
// medians.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { computeSpread } from '../statistics.ts'
import type { Start } from './child.ts'
import { contestants } from './contestants.ts'

const RIVAL = 'undici'
const child = fileURLToPath(new URL('child.js', import.meta.url))
const columns = [
  'import',
  'importCpu',
  'response',
  'responseCpu',
] as const satisfies (keyof Start)[]

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    strict: { type: 'boolean', default: false },
  },
})
const rounds = Math.ceil(Number(values.rounds))
if (!(rounds > 0 && rounds <= 1000)) {
  throw new Error(`--rounds: expected a number from 1 to 1000, got ${values.rounds}`)
}

async function main(): Promise<void> {
  const server = createServer((_, response) => void response.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    printTable(await measure(url))
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

/**
 * Measures each contestant once per round. The first round, which fills the disk cache, is ignored.
 */
async function measure(url: string): Promise<Map<string, Start[]>> {
  const names = Object.keys(contestants)
  const starts = new Map<string, Start[]>(names.map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { stdout } = await promisify(execFile)(process.execPath, [child, name, url])
      if (round > 0) starts.get(name)?.push(JSON.parse(stdout))
    }
  }
  return starts
}

function printTable(starts: Map<string, Start[]>): void {
  const [{ model = 'unknown' } = {}] = os.cpus()
  console.log(
    `Node.js ${process.version}, ${model.trim()}, ${rounds} rounds; milliseconds (as a multiple of ${RIVAL})\n`,
  )
  console.log('| | import | CPU of import | import and first response | CPU of both |')
  console.log('| --- | --- | --- | --- | --- |')
  const rival = starts.get(RIVAL) ?? []
  for (const [name, own] of starts) {
    const cells = columns.map((column) => {
      const { median } = computeSpread(own.map((start) => start[column]))
      const ratio = computeSpread(
        own.map((start, i) => start[column] / (rival[i]?.[column] ?? NaN)),
      ).median
      return `${median.toFixed(1)}${name === RIVAL || median < 1 ? '' : ` (${ratio.toFixed(2)})`}`
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
  if (values.strict) checkTarget(starts.get('hawser') ?? [], rival)
}

/** Fails if the import of hawser takes more CPU time than that of the rival. */
function checkTarget(own: readonly Start[], rival: readonly Start[]): void {
  const ratio = computeSpread(
    own.map((start, i) => start.importCpu / (rival[i]?.importCpu ?? NaN)),
  ).median
  if (ratio <= 1) return
  console.error(`import 'hawser' takes ${ratio.toFixed(2)} times the CPU of import '${RIVAL}'`)
  process.exitCode = 1
}

await main()
