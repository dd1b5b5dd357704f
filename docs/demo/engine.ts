import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import type { CloseReason, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool, closeReasons } from '../../src/engine.ts'
import type { Servers } from './servers.ts'
import { failingStep, note, section, step, table, tell } from './terminal.ts'

export async function showEngine(servers: Servers): Promise<void> {
  const ledger = new Ledger()
  const { trace } = ledger
  const { http, https, ca } = servers

  section(
    'The engine: a handler',
    'No promise on the way. Chunks are borrowed: they are valid until onData returns.',
  )
  const pool = new ConnectionPool({ trace })
  await step(
    () =>
      new Promise<string>((resolve, reject) => {
        pool.dispatch(
          { origin: http, path: '/story' },
          {
            onInformational: (head) => note(`early hint: ${head.headers.get('link')}`),
            onHead: (head) => note(`head: ${head.status} ${head.statusText}`),
            onData: (chunk) => note(`data: ${chunk.length} bytes`),
            onEnd: (trailers) => resolve(`trailers: ${inspect(trailers)}`),
            onError: reject,
          },
        )
      }),
    (result) => result,
  )

  section(
    'The engine: promises',
    'request() resolves at the head; the body is read, or streamed, or closed.',
  )
  await step(
    async () => {
      const response = await pool.request({ origin: http, path: '/hello' })
      return response.bytes()
    },
    (bytes) => `${bytes.length} bytes: ${Buffer.from(bytes)}`,
  )
  await step(
    async () => {
      const hash = createHash('sha256')
      let chunks = 0
      for await (const chunk of await pool.request({ origin: http, path: '/large' })) {
        hash.update(chunk)
        chunks++
      }
      return `${chunks} chunks, SHA-256 ${hash.digest('hex').slice(0, 16)}...`
    },
    (result) => `32 MiB in ${result}`,
  )
  await step(
    async () => {
      async function* content() {
        for (let i = 0; i < 1000; i++) yield `line ${i}\n`
      }
      const request = { origin: http, path: '/upload', method: 'PUT', body: content() }
      return (await pool.request(request)).text()
    },
    (result) => `The server got ${result}`,
  )
  tell('')
  tell(`All of this went over ${ledger.opened} connection: it is kept and used again.`)

  section(
    'A pool of two',
    'Requests that find no free connection wait in line. First come, first served.',
  )
  const two = new ConnectionPool({ trace, limits: { maxConnections: 2 } })
  const before = servers.accepted()
  const running = Array.from({ length: 20 }, async () => {
    const response = await two.request({ origin: http, path: '/work' })
    await response.bytes()
    return Number(response.headers.get('connection-number')) - before
  })
  await step(
    () => two,
    () => inspect(two),
  )
  const served = await Promise.all(running)
  for (const number of new Set(served)) {
    const marks = served.map((by) => (by === number ? '#' : '.')).join('')
    tell(`connection ${number} served ${marks}`)
  }
  await step(
    () => two.stats(),
    (stats) => inspect(stats, { breakLength: Infinity }),
  )
  await two.close()

  section(
    'TLS',
    'The certificate was made a moment ago. The second connection resumes the session of the first.',
  )
  const secure = new ConnectionPool({ trace, tls: { ca } })
  const get = async () => (await secure.request({ origin: https, path: '/secure' })).text()
  for (const again of [get, get]) await step(again, (text) => text)
  const distrustful = new ConnectionPool({ trace })
  await failingStep(() => distrustful.request({ origin: https, path: '/secure' }))
  await Promise.all([secure.close(), distrustful.close()])

  section(
    'When it ends early',
    'One error each. It costs the connection, and the pool is as it was before.',
  )
  await failingStep(async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('the user went away')), 50)
    await pool.request({ origin: http, path: '/slow', signal: controller.signal })
  })
  await failingStep(async () => {
    const response = await pool.request({ origin: http, path: '/broken' })
    await response.bytes()
  })
  await step(
    () => pool.assertQuiescent(),
    () => `${inspect(pool)}: nothing in flight, nobody waits`,
  )
  await pool.close()

  section('What the connections did', 'As the trace option told it.')
  for (const line of ledger.summary()) tell(line)
}

/** Counts what a pool's `trace` tells. */
class Ledger {
  opened = 0
  readonly #closed = new Map<string, number>()

  readonly trace: NonNullable<PoolOptions['trace']> = (event, info) => {
    const { origin, reason } = info as { origin: string; reason?: CloseReason | 'dial-failed' }
    if (event === 'connection:open') {
      this.opened++
      note(`opened to ${origin}`)
    } else if (event === 'connection:close' && reason !== undefined) {
      this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1)
      note(`closed: ${reason}`)
    }
  }

  summary(): string[] {
    const rows = [...this.#closed].map(([reason, times]) => {
      const why = closeReasons[reason as CloseReason] ?? 'it was never established'
      return [`${times} closed`, reason, why]
    })
    return [`${this.opened} opened`, ...table(rows)]
  }
}
