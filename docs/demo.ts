// `npm run demo`: a tour of Hawser against servers in this process.
// `npm run demo -- URL`: fetches one URL.
import { showClient } from './demo/client.ts'
import { showEngine } from './demo/engine.ts'
import { race } from './demo/race.ts'
import { startServers } from './demo/servers.ts'
import { say, styled } from './demo/terminal.ts'
import { showUrl } from './demo/url.ts'

const USAGE = `npm run demo                a tour, in a few seconds
npm run demo -- --quick     the same with a very short race
npm run demo -- URL         fetches any URL: status, headers, the first lines of the body`

async function tour(quick: boolean): Promise<void> {
  const servers = await startServers()
  say(styled('bold', `Hawser, on Node ${process.version}`))
  say(`Two servers of Node's listen in this process: ${servers.http} and ${servers.https}.`)
  say('What stands behind > is the code that runs.')
  try {
    await showClient(servers)
    await showEngine(servers)
  } finally {
    servers.close()
  }
  await race(quick)
}

async function main(words: readonly string[]): Promise<void> {
  const [word] = words
  if (word === '--help') return say(USAGE)
  if (words.length > 1) throw new Error(`One URL at the most:\n${USAGE}`)
  if (word === undefined || word === '--quick') await tour(word === '--quick')
  else await showUrl(word)
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`${styled('red', error.name)}: ${error.message}`)
  process.exitCode = 1
})
