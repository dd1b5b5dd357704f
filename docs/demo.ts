// `npm run demo` is a guided tour of Hawser, with servers in this process.
// `npm run demo -- URL` fetches one URL.
import { showClient } from './demo/client.ts'
import { showEngine } from './demo/engine.ts'
import { showRace } from './demo/race.ts'
import { startServers } from './demo/servers.ts'
import { printLine, styled } from './demo/terminal.ts'
import { showUrl } from './demo/url.ts'

const USAGE = `Usage:
  npm run demo                a guided tour of a few seconds
  npm run demo -- --quick     the same tour with a shorter speed comparison
  npm run demo -- URL         fetches a URL and shows status, headers and the first lines`

async function showTour(quick: boolean): Promise<void> {
  const servers = await startServers()
  printLine(styled('bold', `Hawser on Node.js ${process.version}`))
  printLine(`Two servers of Node.js listen in this process: ${servers.http} and ${servers.https}.`)
  printLine('The code after > is the code that runs.')
  try {
    await showClient(servers)
    await showEngine(servers)
  } finally {
    servers.close()
  }
  await showRace(quick)
}

async function main(args: readonly string[]): Promise<void> {
  const [argument] = args
  if (argument === '--help') return printLine(USAGE)
  if (args.length > 1) {
    throw new Error(`Expected at most one argument, got ${args.length}\n${USAGE}`)
  }
  if (argument === undefined || argument === '--quick') await showTour(argument === '--quick')
  else await showUrl(argument)
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`${styled('red', error.name)}: ${error.message}`)
  process.exitCode = 1
})
