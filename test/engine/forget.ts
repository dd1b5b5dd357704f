// A program that requests 1 MB many times and never reads it: `node forget.js SETTINGS`, with
// `Settings` as JSON. It prints what became of the calls, and must then end by itself.
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { ConnectionPool, HTTPProxy } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions } from '../../src/index.ts'
import { Client, MockDispatcher } from '../../src/index.ts'

/** How a response is forgotten. Those from `app` on come from this process. */
export type Face =
  | 'fetch'
  | 'request'
  | 'iterator'
  | 'stream'
  | 'dispatch'
  | 'app'
  | 'listener'
  | 'mock'
  | 'custom'

export interface Settings {
  readonly inWorker: boolean
  /** `maxConnections` of a pool and a client. `fetch` has its default, 100. */
  readonly limit: number
  /** How many responses are forgotten in each way. */
  readonly counts: { readonly [Name in Face]?: number }
  readonly url: string
  /** The certificate that the server is verified with. */
  readonly ca: string | null
  /** The URL of a proxy to tunnel through. */
  readonly proxy: string | null
}

/** In ms. The test fails if the process is still alive after this time. */
const HANGS_AFTER = 100_000
/** A call waits only briefly for a connection, and as long as necessary for everything else. */
const timeout = { connect: null, read: null, write: null, pool: 200 }

type Call = () => Promise<unknown>

/** Returns the function that makes one call and forgets its response. */
function callOf(face: Face, { limit, url, ca, proxy: proxyUrl }: Settings): Call {
  const limits = { maxConnections: limit }
  const proxy = proxyUrl === null ? null : new HTTPProxy(proxyUrl, { mode: 'TUNNEL_ONLY' })
  const options: ClientOptions = {
    trustEnv: false,
    proxies: proxy ?? {},
    timeout,
    ...(ca !== null && { verify: { ca } }),
  }
  const stream = (route: ClientOptions) => {
    const client = new Client({ trustEnv: false, timeout, ...route })
    return () => client.stream('GET', url)
  }
  if (face === 'fetch') {
    const fetch = createFetch(options)
    return () => fetch(url)
  }
  if (face === 'stream') return stream({ ...options, poolLimits: limits })
  if (face === 'app') return stream({ app: (_request: unknown) => new Response(body) })
  if (face === 'listener')
    return stream({ app: (_: unknown, response: Ending) => response.end(body) })
  if (face === 'mock')
    return stream({ dispatcher: new MockDispatcher(() => ({ content: pieces() })) })
  const pool = new ConnectionPool({
    proxy,
    limits,
    timeouts: timeout,
    tls: ca === null ? {} : { ca },
  })
  if (face === 'custom') {
    return stream({
      dispatcher: {
        dispatch: (request, handler) => pool.dispatch(request, handler),
        close: () => pool.close(),
      },
      timeout,
    })
  }
  const { origin, pathname: path } = new URL(url)
  if (face === 'request') return () => pool.request({ origin, path })
  if (face === 'iterator') {
    return async () => {
      const response = await pool.request({ origin, path })
      await response[Symbol.asyncIterator]().next()
    }
  }
  return () =>
    new Promise((resolve, reject) => {
      const onData = () => {
        resolve(undefined)
        return false
      }
      pool.dispatch({ origin, path }, { onHead() {}, onData, onEnd() {}, onError: reject })
    })
}

interface Ending {
  end(content: Uint8Array): void
}

const body = new Uint8Array(1 << 20)

function* pieces() {
  for (let i = 0; i < 16; i++) yield body.subarray(0, 1 << 16)
}

/** What became of the calls. */
export interface Outcomes {
  forgotten: number
  PoolTimeout: number
}

/** Makes the calls: with a limit on connections all at once, otherwise one after another. */
async function forget(face: Face, count: number, call: Call): Promise<Outcomes> {
  const outcomes: Outcomes = { forgotten: 0, PoolTimeout: 0 }
  const attempt = () =>
    call().then(
      () => void outcomes.forgotten++,
      (error: Error) => {
        if (error.name !== 'PoolTimeout') throw error
        outcomes.PoolTimeout++
      },
    )
  if (face === 'fetch') for (let i = 0; i < count; i++) await attempt()
  else await Promise.all(Array.from({ length: count }, attempt))
  return outcomes
}

async function run(settings: Settings): Promise<void> {
  const outcomes: { [Name in Face]?: Outcomes } = {}
  for (const [name, count] of Object.entries(settings.counts)) {
    const face = name as Face
    outcomes[face] = await forget(face, count, callOf(face, settings))
  }
  console.log(JSON.stringify(outcomes))
}

if (isMainThread) {
  setTimeout(() => process.exit(99), HANGS_AFTER).unref()
  const settings = JSON.parse(process.argv[2] ?? '') as Settings
  if (settings.inWorker) new Worker(fileURLToPath(import.meta.url), { workerData: settings })
  else await run(settings)
} else {
  await run(workerData as Settings)
}
