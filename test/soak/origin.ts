// The request handler of the origin: on TCP, TLS and a unix socket, and as an app inside the
// client's process.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { PatternCheck, patternBytes, patternPieces } from './pattern.ts'

export const GZIPPED = 20_000
const gzipped = gzipSync(patternBytes(GZIPPED))

type Answer = (response: ServerResponse, argument: number, request: IncomingMessage) => unknown

const ANSWERS: Readonly<Record<string, Answer>> = {
  echo: (response, _, { headers }) => response.end(String(headers['x-id'])),
  empty: (response) => response.writeHead(204).end(),
  hints: (response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.end('hinted')
  },
  bytes: (response, length) => {
    response.setHeader('content-length', length)
    response.end(patternBytes(length))
  },
  chunked: async (response, length) => {
    for (const piece of patternPieces(length, 10_000)) {
      if (!response.write(piece)) await drainedOrClosed(response)
      if (response.destroyed) return
    }
    response.end()
  },
  drip: async (response, pieces) => {
    for (let i = 0; i < pieces && !response.destroyed; i++) {
      response.write('.')
      await sleep(2)
    }
    response.end()
  },
  gzip: (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipped),
  redirect: (response) => response.writeHead(302, { location: '/echo/0' }).end('elsewhere'),
  upload: async (response, _, request) => {
    const check = new PatternCheck()
    for await (const bytes of request) check.take(bytes)
    response.end(`${check.length} ${check.isIntact}`)
  },
  early: (response) => response.writeHead(413, { connection: 'close' }).end('too large'),
  accept: (response, _, request) => {
    response.end('accepted')
    request.resume()
  },
  silent: () => {},
  cut: (response, length) => {
    response.writeHead(200, { 'content-length': length + 1 })
    response.write(patternBytes(length), () => response.destroy())
  },
  hangup: (response) => response.destroy(),
}

/** Handles `/NAME/NUMBER`. An error ends only this response. */
export function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, name = '', argument = '0'] = request.url!.split('/')
  const act = ANSWERS[name] ?? ((r: ServerResponse) => r.writeHead(404).end())
  Promise.resolve(act(response, Number(argument), request)).catch(() => response.destroy())
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}
