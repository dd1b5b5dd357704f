import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import type { CloseReason, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool, closeReasons } from '../../src/engine.ts'
import type { Servers } from './servers.ts'
import {
  formatTable,
  printEvent,
  printResult,
  printSection,
  showFailingStep,
  showStep,
} from './terminal.ts'

export async function showEngine(servers: Servers): Promise<void> {
  const log = new ConnectionLog()
  const { trace } = log
  const { http, https, ca } = servers

  printSection(
    'The engine: a handler',
    'Callbacks without promises. Chunks are borrowed: they are valid until onData returns.',
  )
  const pool = new ConnectionPool({ trace })
  await showStep(
    () =>
      new Promise<string>((resolve, reject) => {
        pool.dispatch(
          { origin: http, path: '/early-hints' },
          {
            onInformational: (head) => printEvent(`early hint: ${head.headers.get('link')}`),
            onHead: (head) => printEvent(`head: ${head.status} ${head.statusText}`),
            onData: (chunk) => printEvent(`data: ${chunk.length} bytes`),
            onEnd: (trailers) => resolve(`trailers: ${inspect(trailers)}`),
            onError: reject,
          },
        )
      }),
    (result) => result,
  )

  printSection(
    'The engine: promises',
    'request() resolves with the head. Then read, stream or close the body.',
  )
  await showStep(
    async () => {
      const response = await pool.request({ origin: http, path: '/hello' })
      return response.bytes()
    },
    (bytes) => `${bytes.length} bytes: ${Buffer.from(bytes)}`,
  )
  await showStep(
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
  await showStep(
    async () => {
      async function* content() {
        for (let i = 0; i < 1000; i++) yield `line ${i}\n`
      }
      const request = { origin: http, path: '/upload', method: 'PUT', body: content() }
      return (await pool.request(request)).text()
    },
    (result) => `The server received ${result}`,
  )
  printResult('')
  printResult(`All requests used ${log.opened} connection, which is kept alive.`)

  printSection(
    'A pool with two connections',
    'Requests without a free connection wait in a queue, in FIFO order.',
  )
  const smallPool = new ConnectionPool({ trace, limits: { maxConnections: 2 } })
  const before = servers.acceptedConnections()
  const running = Array.from({ length: 20 }, async () => {
    const response = await smallPool.request({ origin: http, path: '/work' })
    await response.bytes()
    return Number(response.headers.get('connection-number')) - before
  })
  await showStep(
    () => smallPool,
    () => inspect(smallPool),
  )
  const served = await Promise.all(running)
  for (const number of new Set(served)) {
    const marks = served.map((by) => (by === number ? '#' : '.')).join('')
    printResult(`connection ${number} served ${marks}`)
  }
  await showStep(
    () => smallPool.stats(),
    (stats) => inspect(stats, { breakLength: Infinity }),
  )
  await smallPool.close()

  printSection(
    'TLS',
    'The certificate has just been created. The second connection resumes the session of the first.',
  )
  const secure = new ConnectionPool({ trace, tls: { ca } })
  const get = async () => (await secure.request({ origin: https, path: '/secure' })).text()
  for (const request of [get, get]) await showStep(request, (text) => text)
  const withoutCa = new ConnectionPool({ trace })
  await showFailingStep(() => withoutCa.request({ origin: https, path: '/secure' }))
  await Promise.all([secure.close(), withoutCa.close()])

  printSection(
    'Aborts and broken responses',
    'Each causes one error. The connection is closed; the pool remains usable.',
  )
  await showFailingStep(async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('The user cancelled')), 50)
    await pool.request({ origin: http, path: '/slow', signal: controller.signal })
  })
  await showFailingStep(async () => {
    const response = await pool.request({ origin: http, path: '/broken' })
    await response.bytes()
  })
  await showStep(
    () => pool.assertQuiescent(),
    () => `${inspect(pool)}: no requests in flight or waiting`,
  )
  await pool.close()

  printSection('Connection events', 'As reported to the trace option.')
  for (const line of log.summary()) printResult(line)
}

/** Prints and counts the connection events of a pool's `trace` option. */
class ConnectionLog {
  opened = 0
  readonly #closed = new Map<string, number>()

  readonly trace: NonNullable<PoolOptions['trace']> = (event, info) => {
    const { origin, reason } = info as { origin: string; reason?: CloseReason | 'dial-failed' }
    if (event === 'connection:open') {
      this.opened++
      printEvent(`opened to ${origin}`)
    } else if (event === 'connection:close' && reason !== undefined) {
      this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1)
      printEvent(`closed: ${reason}`)
    }
  }

  summary(): string[] {
    const rows = [...this.#closed].map(([reason, count]) => {
      const explanation =
        closeReasons[reason as CloseReason] ?? 'the connection was never established'
      return [`${count} closed`, reason, explanation]
    })
    return [`${this.opened} opened`, ...formatTable(rows)]
  }
}
