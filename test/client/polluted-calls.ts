// A program for a process whose `Object.prototype` is polluted: calls over all kinds of connections
// and decoders.
import type { Duplex } from 'node:stream'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions, Response } from '../../src/index.ts'
import { Client } from '../../src/index.ts'

export interface Servers {
  readonly plain: string
  readonly secure: string
  readonly proxy: string
  readonly ca: string
}

/** Returns the outcome of each call. */
export async function outcomesOf(servers: Servers, names: readonly string[]): Promise<string[]> {
  const outcomes: string[] = []
  for (const name of names) {
    const outcome = await calls[name]!(servers).catch((error: Error) => error.name)
    outcomes.push(`${name}: ${outcome}`)
  }
  return outcomes
}

const calls: Record<string, (servers: Servers) => Promise<unknown>> = {
  GET: ({ plain }) => using({}, async (client) => text(await client.get(`${plain}/`))),
  POST: ({ plain }) =>
    using({}, async (client) => text(await client.post(`${plain}/`, { json: [1] }))),
  upload: ({ plain }) =>
    using({}, async (client) => text(await client.post(`${plain}/`, { content: chunks() }))),
  gzip: ({ plain }) => using({}, async (client) => text(await client.get(`${plain}/gzip`))),
  br: ({ plain }) => using({}, async (client) => text(await client.get(`${plain}/br`))),
  'gzip, streamed': ({ plain }) =>
    using({}, async (client) => {
      let received = ''
      const response = await client.stream('GET', `${plain}/gzip`)
      for await (const part of response.iterText()) received += part
      return received
    }),
  'a web stream': ({ plain }) =>
    using({}, async (client) => {
      const response = await client.stream('GET', `${plain}/large`)
      return lengthOf(response.bodyStream())
    }),
  fetch: async ({ plain }) => {
    const fetch = createFetch()
    const length = await lengthOf((await fetch(`${plain}/large`)).body)
    await fetch.close()
    return length
  },
  'fetch, cloned': async ({ plain }) => {
    const fetch = createFetch()
    const response = await fetch(`${plain}/large`)
    const copy = response.clone()
    const lengths = await Promise.all([lengthOf(response.body), lengthOf(copy.body)])
    await fetch.close()
    return lengths
  },
  'fetch, as a Blob': async ({ plain }) => {
    const fetch = createFetch()
    const { size } = await (await fetch(`${plain}/large`)).blob()
    await fetch.close()
    return size
  },
  'an upgrade': async ({ plain }) => {
    const pool = new ConnectionPool()
    try {
      return await new Promise((resolve, reject) => {
        const onUpgrade = (socket: Duplex) => {
          socket.on('error', reject).on('data', (bytes) => {
            socket.destroy()
            resolve(String(bytes))
          })
          socket.write('hello')
        }
        const headers = ['Connection', 'Upgrade', 'Upgrade', 'echo']
        const ignore = () => {}
        const handler = {
          onHead: ignore,
          onData: ignore,
          onEnd: ignore,
          onError: reject,
          onUpgrade,
        }
        pool.dispatch({ origin: plain, path: '/', method: 'GET', headers }, handler)
      })
    } finally {
      await pool.close()
    }
  },
  TLS: ({ secure, ca }) =>
    using({ verify: { ca } }, async (client) => text(await client.get(`${secure}/large`))),
  'a tunnel': ({ secure, ca, proxy }) =>
    using({ verify: { ca }, proxies: proxy }, async (client) => text(await client.get(secure))),
  'an untrusted server': ({ secure }) =>
    using({}, async (client) => text(await client.get(secure))),
}

/** All calls, and those without TLS. */
export const ALL_CALLS = Object.keys(calls)
export const PLAIN_CALLS = ALL_CALLS.slice(0, ALL_CALLS.indexOf('TLS'))

async function using<Result>(
  options: ClientOptions,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ timeout: 20_000, ...options })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

function text(response: Response): string {
  const content = response.text()
  return content.length > 100 ? String(content.length) : content
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('by ')
  yield Buffer.from('parts')
}

async function lengthOf(stream: unknown): Promise<number> {
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) length += chunk.length
  return length
}
