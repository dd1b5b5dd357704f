import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import { httpServer, toLoopback } from '../engine/servers.ts'

/** A request as a server saw it. */
export interface Recorded {
  readonly method: string
  readonly url: string
  readonly host: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** As they came, name and value in turn. */
  readonly rawHeaders: readonly string[]
  readonly content: string
}

/** What is answered: a status, fields, a body. */
export type Answer = readonly [
  status: number,
  headers?: Record<string, string | string[]>,
  body?: string | Buffer,
]

/** A server that keeps what it was asked, and answers by `answer`. Names under `.test` lead to it. */
export async function recording(
  t: TestContext,
  answer: (request: Recorded, count: number) => Answer | Promise<Answer> = () => [200],
) {
  const requests: Recorded[] = []
  const started = await httpServer(t, async (request: IncomingMessage, response) => {
    const { method = '', url = '', headers, rawHeaders } = request
    const content = await text(request)
    const seen = { method, url, host: headers.host ?? '', headers, rawHeaders, content } as Recorded
    requests.push(seen)
    send(response, await answer(seen, requests.length))
  })
  /** Another origin of the same server. */
  const as = (name: string) => `http://${name}.test:${started.port}`
  return { ...started, requests, as }
}

function send(response: ServerResponse, [status, headers = {}, body = '']: Answer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
}

/** A client that is closed behind the test, and for which every name leads to this machine. */
export function openClient(t: TestContext, options: ClientOptions = {}): Client {
  const client = new Client({ trustEnv: false, lookup: toLoopback, ...options })
  t.after(() => client.close())
  return client
}
