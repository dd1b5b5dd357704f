import assert from 'node:assert/strict'
import type { DispatchRequest, Head } from '../../src/engine.ts'
import type { RecordedDispatch } from '../support/pool-harness.ts'
import { PoolHarness, uncaughtDuring } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { ParserDriver } from '../wire/parser-driver.ts'
import type { MutatedResponse } from './mutation.ts'

/** What the server does after the response. */
export type Ending = 'end' | 'reset' | 'silence'

/** How the response is delivered, and for which request. */
export interface Delivery {
  readonly pieces: readonly string[]
  /**
   * Whether promises settle after each piece, as on Node. On Bun and Deno, pieces may arrive
   * without a pause.
   */
  readonly settles: boolean
  readonly ending: Ending
  /** Whether the connection has served another request before. */
  readonly reused: boolean
  /** Whether the request asks for an upgrade. */
  readonly upgrades: boolean
}

/** Everything that a caller can observe, except for error messages. */
export interface Outcome {
  readonly informational: readonly string[]
  readonly head: string | null
  /** Latin1. For a tunnel, the bytes that came through it. */
  readonly body: string
  readonly trailers: readonly string[]
  readonly end: string
  readonly responseStarted: boolean
  /** The number of idle connections after the response, before the server ends the connection. */
  readonly kept: number
}

const MINUTE = 60_000
const UPGRADE = ['Connection', 'Upgrade', 'Upgrade', 'x']

/**
 * Makes one request on scripted sockets and in scripted time, and delivers the response. Throws if
 * the engine violates a guarantee: the call does not end, or ends twice; the error is not one of
 * Hawser's; an exception is thrown outside of the call; or a connection, a timer or a waiting
 * request remains.
 */
export async function runExchange(method: string, delivery: Delivery): Promise<[Outcome, unknown]> {
  const harness = new PoolHarness({
    timeouts: { read: 1000, write: 1000, connect: 1000, pool: 1000 },
  })
  let found: [Outcome, unknown] | null = null
  const escaped = await uncaughtDuring(async () => {
    if (delivery.reused) await harness.openIdleConnection()
    const tunnel = { bytes: '' }
    const call = await harness.send(requestOf(method, delivery.upgrades), {
      onUpgrade: ({ socket }) => {
        socket
          ?.on('error', () => {})
          .on('data', (bytes: Buffer) => {
            tunnel.bytes += bytes.latin1Slice()
          })
      },
    })
    await deliver(harness, delivery)
    await settle()
    const kept = harness.pool.stats().idle
    await finish(harness, call, delivery.ending)
    found = [outcomeOf(call, tunnel.bytes, kept), call.error]
    await harness.finish()
  })
  assert.deepEqual(escaped, [])
  return found!
}

/** Delivers the whole response in one read, followed by the end of the connection. */
export function exchangeInOneRead({ method, text }: MutatedResponse): Promise<[Outcome, unknown]> {
  return runExchange(method, {
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

async function deliver(harness: PoolHarness, { pieces, settles }: Delivery): Promise<void> {
  const { socket } = harness
  for (const piece of pieces) {
    // A scripted socket does not accept data after its end.
    if (socket.closed || socket.destroyed) return
    socket.receive(piece)
    if (settles) await settle()
    parseOtherResponse()
  }
}

/** Parses part of another connection's response, to overwrite the state that parsers share. */
export function parseOtherResponse(): void {
  new ParserDriver('GET').read(OTHER_RESPONSE)
}

const OTHER_RESPONSE = Buffer.from(
  'HTTP/1.0 404 Other\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nab',
  'latin1',
)

/** Ends each connection on which the request is attempted. */
async function finish(harness: PoolHarness, call: RecordedDispatch, ending: Ending): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const { socket } = harness
    if (!socket.closed && !socket.destroyed) {
      if (ending === 'end') socket.receiveEnd()
      else if (ending === 'reset') socket.reset()
      else await harness.clock.advance(MINUTE)
    }
    await harness.clock.flush()
    if (call.hasEnded) return
  }
}

function outcomeOf(call: RecordedDispatch, tunnelled: string, kept: number): Outcome {
  const { error } = call
  const facts = error as { responseStarted?: boolean; phase?: unknown; message?: unknown } | null
  if (error !== undefined) {
    assert.ok(error instanceof Error && 'code' in error, `not an error of Hawser: ${error}`)
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
