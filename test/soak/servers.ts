// A process of its own for all that the client talks to, so that the client's memory is its own. Forked by
// run.ts; it ends with it.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault, Plan } from '../faults/rig.ts'
import { Rig } from '../faults/rig.ts'
import { certificateFor } from '../support/certificates.ts'
import { answer } from './origin.ts'
import { httpProxy, socksProxy } from './proxies.ts'
import { generator } from './random.ts'

/** One port leads there as it is, the other through a rig. */
export interface Entrance {
  readonly sure: number
  readonly rigged: number
}

export interface Addresses {
  readonly ca: string
  readonly uds: string
  readonly http: Entrance
  readonly https: Entrance
  readonly httpProxy: Entrance
  readonly socksProxy: Entrance
}

const HARMS = ['split', 'stall', 'end', 'close', 'reset', 'delay', 'throttle', 'corrupt'] as const

/** Half of the connections are harmed, at some byte early or late, in one direction. */
function plan(random: (below: number) => number, mayCorrupt: boolean): Plan {
  if (random(2) === 0) return {}
  const kind = HARMS[random(mayCorrupt ? HARMS.length : HARMS.length - 1)]!
  const fault = {
    at: random(4) === 0 ? random(200_000) : random(2000),
    do: kind,
    ...(kind === 'delay' && { ms: random(30) }),
    ...(kind === 'throttle' && { bytes: 1 + random(5000), ms: random(3) }),
    ...(kind === 'corrupt' && { mask: 1 + random(255) }),
  } as Fault
  return random(3) === 0 ? { up: [fault] } : { down: [fault] }
}

/** Far beyond the client's: who closes an idle connection first must not be a matter of luck here. */
const KEEP_ALIVE = 60_000

async function listening(server: Server, path?: string): Promise<number> {
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = KEEP_ALIVE
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  return path === undefined ? (server.address() as AddressInfo).port : 0
}

async function start(seed: number): Promise<Addresses> {
  const random = generator(seed)
  const folder = mkdtempSync(join(tmpdir(), 'hawser-soak-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const certificate = certificateFor(['localhost', '127.0.0.1'])
  const entrance = async (server: Server, mayCorrupt = false): Promise<Entrance> => {
    const sure = await listening(server)
    const rig = new Rig(sure, () => plan(random, mayCorrupt))
    await rig.listen()
    return { sure, rigged: rig.port }
  }
  const uds = join(folder, 'origin.sock')
  await listening(createServer(answer), uds)
  return {
    ca: certificate.cert,
    uds,
    http: await entrance(createServer(answer)),
    https: await entrance(createHttpsServer(certificate, answer), true),
    httpProxy: await entrance(httpProxy()),
    socksProxy: await entrance(socksProxy()),
  }
}

// A TLS record that was harmed, or a connection that was reset, is what this is for.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code === undefined) throw error
})
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {})
const addresses = await start(Number(process.argv[2]))
process.send?.(addresses)
