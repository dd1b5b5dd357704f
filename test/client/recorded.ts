import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { httpServer, toLoopback } from '../engine/servers.ts'

/** A request as the server received it. */
export interface Recorded {
  readonly method: string
  readonly url: string
  readonly host: string
  /** The names are in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[]
  readonly content: string
}

/** A response of the server: status, header fields and body. */
export type Answer = readonly [
  status: number,
  headers?: Record<string, string | string[]>,
  body?: string | Buffer,
]

/**
 * Starts a server that records its requests and responds with the result of `answer`. The clients
 * of `openClient` resolve every name to it.
 */
export async function recording(
  t: TestContext,
  answer: (request: Recorded, count: number) => Answer | Promise<Answer> = () => [200],
) {
  const requests: Recorded[] = []
  const started = await httpServer(t, async (request: IncomingMessage, response) => {
    const { method = '', url = '', headers, rawHeaders } = request
    const content = await text(request)
    const recorded = {
      method,
      url,
      host: headers.host ?? '',
      headers,
      rawHeaders,
      content,
    } as Recorded
    requests.push(recorded)
    send(response, await answer(recorded, requests.length))
  })
  /** Returns another origin of the same server. */
  const as = (name: string) => `http://${name}.test:${started.port}`
  return { ...started, requests, as }
}

function send(response: ServerResponse, [status, headers = {}, body = '']: Answer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
}

/**
 * Creates a client that resolves every name to the loopback address. It is closed after the test.
 */
export function openClient(t: TestContext, options: ClientOptions = {}): Client {
  const client = new Client({ trustEnv: false, lookup: toLoopback, ...options })
  t.after(() => client.close())
  return client
}
