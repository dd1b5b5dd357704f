// The servers and proxies, in a separate process, so that the memory of the client's process is
// only the client's. run.ts forks this process, which ends when run.ts ends.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault, Plan } from '../faults/fault-proxy.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { certificateFor } from '../support/certificates.ts'
import { answer } from './origin.ts'
import { httpProxy, socksProxy } from './proxies.ts'
import { generator } from './random.ts'

/** The ports of a server: one without faults, the other through a fault proxy. */
export interface Entrance {
  readonly direct: number
  readonly faulty: number
}

export interface Addresses {
  readonly ca: string
  readonly uds: string
  readonly http: Entrance
  readonly https: Entrance
  readonly httpProxy: Entrance
  readonly socksProxy: Entrance
  /** The ports of servers that close each connection after a response without announcing it. */
  readonly closing: { readonly http: number; readonly https: number }
}

const FAULT_KINDS = [
  'split',
  'stall',
  'end',
  'close',
  'reset',
  'delay',
  'throttle',
  'corrupt',
] as const

/** Chooses a fault for half of the connections, at a random byte of one direction. */
function plan(random: (below: number) => number, mayCorrupt: boolean): Plan {
  if (random(2) === 0) return {}
  const kind = FAULT_KINDS[random(mayCorrupt ? FAULT_KINDS.length : FAULT_KINDS.length - 1)]!
  const fault = {
    at: random(4) === 0 ? random(200_000) : random(2000),
    do: kind,
    ...(kind === 'delay' && { ms: random(30) }),
    ...(kind === 'throttle' && { bytes: 1 + random(5000), ms: random(3) }),
    ...(kind === 'corrupt' && { mask: 1 + random(255) }),
  } as Fault
  return random(3) === 0 ? { up: [fault] } : { down: [fault] }
}

/** In ms. Much longer than the client's keepaliveExpiry, so that the server never closes first. */
const KEEP_ALIVE = 60_000

function answerAndClose(request: IncomingMessage, response: ServerResponse): void {
  response.on('finish', () => request.socket.destroy())
  answer(request, response)
}

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
    const direct = await listening(server)
    const proxy = new FaultProxy(direct, () => plan(random, mayCorrupt))
    await proxy.listen()
    return { direct, faulty: proxy.port }
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
    closing: {
      http: await listening(createServer(answerAndClose)),
      https: await listening(createHttpsServer(certificate, answerAndClose)),
    },
  }
}

// Corrupt TLS records and reset connections are expected.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code === undefined) throw error
})
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {})
const addresses = await start(Number(process.argv[2]))
process.send?.(addresses)
