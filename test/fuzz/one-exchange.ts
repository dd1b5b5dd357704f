import assert from 'node:assert/strict'
import type { DispatchRequest, Head } from '../../src/engine.ts'
import { settle } from '../support/scripted-clock.ts'
import type { Call } from '../support/stage.ts'
import { Stage, uncaughtDuring } from '../support/stage.ts'
import { Play } from '../wire/play.ts'
import type { MutatedResponse } from './mutation.ts'

/** What the server does when all was sent. */
export type Ending = 'end' | 'reset' | 'silence'

/** How a response arrives. */
export interface Arrival {
  readonly pieces: readonly string[]
  /** Whether all settles after each piece, as in Node; else they come in a row, as in Bun and Deno. */
  readonly settles: boolean
  readonly ending: Ending
  /** On a connection that has served another request. */
  readonly reused: boolean
  /** The request asks for another protocol. */
  readonly upgrades: boolean
}

/** All that a caller can know of an exchange, but for an error's words. */
export interface Outcome {
  readonly informational: readonly string[]
  readonly head: string | null
  /** Latin1; of a tunnel what came through it. */
  readonly body: string
  readonly trailers: readonly string[]
  readonly end: string
  readonly responseStarted: boolean
  /** Connections that idle afterwards, before the server's ending. */
  readonly kept: number
}

const MINUTE = 60_000
const UPGRADE = ['Connection', 'Upgrade', 'Upgrade', 'x']

/**
 * One request that is answered so, on scripted sockets and in scripted time. Throws if the engine
 * breaks a promise: a call that does not end, or ends twice; an error that is not its own; something
 * thrown outside of the calls; a connection, a timer or a waiter left behind.
 */
export async function exchange(method: string, arrival: Arrival): Promise<[Outcome, unknown]> {
  const stage = new Stage({ timeouts: { read: 1000, write: 1000, connect: 1000, pool: 1000 } })
  let found: [Outcome, unknown] | null = null
  const escaped = await uncaughtDuring(async () => {
    if (arrival.reused) await stage.warm()
    const tunnel = { bytes: '' }
    const call = await stage.send(requestOf(method, arrival.upgrades), {
      onUpgrade: ({ socket }) => {
        socket
          ?.on('error', () => {})
          .on('data', (bytes: Buffer) => {
            tunnel.bytes += bytes.latin1Slice()
          })
      },
    })
    await deliver(stage, arrival)
    await settle()
    const kept = stage.pool.stats().idle
    await finish(stage, call, arrival.ending)
    found = [outcomeOf(call, tunnel.bytes, kept), call.error]
    await stage.done()
  })
  assert.deepEqual(escaped, [])
  return found!
}

/** As a caller who gets all of it in one read sees it, and then the end. */
export function whole({ method, text }: MutatedResponse): Promise<[Outcome, unknown]> {
  return exchange(method, {
    pieces: text === '' ? [] : [text],
    settles: true,
    ending: 'end',
    reused: false,
    upgrades: false,
  })
}

function requestOf(method: string, upgrades: boolean): Partial<DispatchRequest> {
  if (method === 'CONNECT') return { method, path: 'target.test:443' }
  return { method, path: '/', ...(upgrades && { headers: UPGRADE }) }
}

async function deliver(stage: Stage, { pieces, settles }: Arrival): Promise<void> {
  const { socket } = stage
  for (const piece of pieces) {
    // A scripted socket refuses what comes after its end.
    if (socket.closed || socket.destroyed) return
    socket.receive(piece)
    if (settles) await settle()
    disturb()
  }
}

/** Another connection's reads use all that parsers share. */
export function disturb(): void {
  new Play('GET').read(OTHERS)
}

const OTHERS = Buffer.from(
  'HTTP/1.0 404 Other\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nab',
  'latin1',
)

/** The ending, for each connection on which the request is tried. */
async function finish(stage: Stage, call: Call, ending: Ending): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const { socket } = stage
    if (!socket.closed && !socket.destroyed) {
      if (ending === 'end') socket.receiveEnd()
      else if (ending === 'reset') socket.reset()
      else await stage.clock.advance(MINUTE)
    }
    await stage.clock.flush()
    if (call.over) return
  }
}

function outcomeOf(call: Call, tunnelled: string, kept: number): Outcome {
  const { error } = call
  const facts = error as { responseStarted?: boolean; phase?: unknown; message?: unknown } | null
  if (error !== undefined) {
    assert.ok(error instanceof Error && 'code' in error, `not an error of the engine's: ${error}`)
    assert.match(String(error.code), /^HAWSER_[A-Z_]+$/)
    assert.equal(typeof facts?.phase, 'string')
  }
  return {
    informational: call.informational.map(headLine),
    head: call.head && headLine(call.head),
    body: call.body + call.firstBytes + tunnelled,
    trailers: call.trailers ? [...call.trailers.flat()] : [],
    end: call.events.at(-1)?.replace(/^data.*/s, 'not over') ?? 'nothing',
    responseStarted: facts?.responseStarted ?? true,
    kept,
  }
}

function headLine({ status, statusText, httpVersion, headers }: Head): string {
  return JSON.stringify([status, statusText, httpVersion, ...headers.flat()])
}
