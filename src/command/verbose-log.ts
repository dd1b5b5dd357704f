import type { EventHooks } from '../client/options.ts'
import type { Request } from '../client/request.ts'
import type { Response } from '../client/response.ts'
import { redactUrl } from '../errors.ts'
import type { ConnectionOpen, Durations, Trace } from '../models/events.ts'
import { redactField } from '../redaction.ts'
import { formatFields, formatHead } from './response-printer.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { stripControls } from './terminal.ts'
import { formatDuration } from './units.ts'

/** One request and its response. */
interface LoggedExchange {
  /** In ms of the clock. */
  readonly startedAt: number
  /** The formatted head of the request. */
  readonly request: string
  /** The id of its trace events; null before the first. */
  id: number | null
  /** Null until the exchange has ended. */
  durations: Durations | null
  isRequestLogged: boolean
  hasNewConnection: boolean
  /** Why the connection was closed. Printed at the end; the trace may report it earlier. */
  closeReason: string | null
}

/**
 * Prints connections, the heads of requests and responses, and a timeline of each exchange with the
 * phases of the trace.
 */
export class VerboseLog {
  readonly #write: (text: string) => void
  readonly #colours: Colours
  readonly #io: Pick<CommandIO, 'columns' | 'clock'>
  #exchange: LoggedExchange | null = null
  #hasConnected = false

  constructor(
    write: (text: string) => void,
    colours: Colours,
    io: Pick<CommandIO, 'columns' | 'clock'>,
  ) {
    this.#write = write
    this.#colours = colours
    this.#io = io
  }

  /** Pass as `eventHooks` of the client. */
  readonly hooks: EventHooks = {
    request: [(request) => this.#startExchange(request)],
    response: [(response) => this.#logResponse(response)],
  }

  /** Pass as `trace` of the client. */
  readonly trace: Trace = (event, info) => {
    const exchange = this.#exchange
    if (exchange === null) return
    switch (event) {
      case 'request:start':
        exchange.id = info.id
        return
      case 'request:end':
        // A redirect response may end after the next request has started.
        if (info.id === exchange.id) exchange.durations = info.durations
        return
      case 'connection:open':
        return this.#logConnection(exchange, info)
      case 'connection:close':
        exchange.closeReason = info.reason
    }
  }

  /** Ends the exchange after its body or an error, and prints the timeline. Idempotent. */
  end(): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    const { startedAt, durations, closeReason } = exchange
    // After an earlier connection, only 'dial-failed' tells that this exchange got none.
    if (!exchange.isRequestLogged && (closeReason === 'dial-failed' || !this.#hasConnected)) {
      this.#logNote('No connection was established')
    } else {
      this.#logRequest(exchange)
      if (closeReason !== null) this.#logNote(`Connection closed: ${closeReason}`)
    }
    const total = this.#io.clock.now() - startedAt
    this.#write(`\n${formatTimeline(durations ?? {}, total, this.#io.columns, this.#colours)}`)
  }

  #startExchange(request: Request): void {
    if (this.#exchange !== null) {
      this.end()
      this.#write('\n')
    }
    const { bold, green } = this.#colours
    const { method, target, url, headers } = request
    const line = bold(`${green(method)} ${redactUrl(target)} HTTP/1.1`)
    const host = headers.has('host') ? [] : ([['Host', url.host]] as const)
    const fields = formatFields([...host, ...redactSecrets(headers)], this.#colours)
    this.#exchange = {
      startedAt: this.#io.clock.now(),
      request: `${line}\n${fields}`,
      id: null,
      durations: null,
      isRequestLogged: false,
      hasNewConnection: false,
      closeReason: null,
    }
  }

  #logConnection(exchange: LoggedExchange, { origin, address }: ConnectionOpen): void {
    if (exchange.isRequestLogged) return
    exchange.hasNewConnection = true
    this.#hasConnected = true
    const duration = formatDuration(this.#io.clock.now() - exchange.startedAt)
    const where = address === undefined || origin.includes(address) ? '' : ` (${address})`
    this.#logNote(`Connected to ${origin}${where} in ${duration}`)
    this.#logRequest(exchange)
  }

  #logResponse(response: Response): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#logRequest(exchange)
    this.#write(
      prefixLines(
        formatHead(response, this.#colours, redactSecrets(response.headers)),
        this.#colours.yellow('<'),
      ),
    )
  }

  #logRequest(exchange: LoggedExchange): void {
    if (exchange.isRequestLogged) return
    exchange.isRequestLogged = true
    if (!exchange.hasNewConnection) this.#logNote('No new connection')
    this.#write(`${prefixLines(exchange.request, this.#colours.green('>'))}\n`)
  }

  #logNote(text: string): void {
    this.#write(`${this.#colours.dim(`* ${stripControls(text)}`)}\n`)
  }
}

/** Draws one row per phase, with its duration and a bar at its position in time. */
function formatTimeline(
  durations: Durations,
  total: number,
  columns: number,
  { bold, cyan, dim }: Colours,
): string {
  const width = Math.min(Math.max(columns - 24, 10), 50)
  const scale = width / Math.max(total, 1e-6)
  const row = (name: string, ms: number) =>
    `  ${dim(name.padEnd(8))} ${formatDuration(ms).padStart(8)}`
  let elapsed = 0
  const rows = Object.entries(durations).map(([name, ms]) => {
    const left = Math.min(Math.round(elapsed * scale), width - 1)
    elapsed += ms
    const length = Math.max(Math.round(elapsed * scale) - left, 1)
    const bar = '━'.repeat(Math.min(length, width - left))
    return `${row(name, ms)}  ${' '.repeat(left)}${cyan(bar)}`
  })
  return `${[...rows, bold(row('total', total))].join('\n')}\n`
}

/** Hides secrets, but not the scheme of credentials: people paste the log into bug reports. */
function* redactSecrets(
  headers: Iterable<readonly [string, string]>,
): Generator<readonly [name: string, value: string]> {
  for (const [name, value] of headers) {
    const hasScheme = /^(?:proxy-)?auth(?:orization|enticate)$|^www-authenticate$/i.test(name)
    const scheme = hasScheme ? /^[\w-]+(?= )/.exec(value)?.[0] : undefined
    yield [name, scheme === undefined ? redactField(name, value) : `${scheme} …`]
  }
}

function prefixLines(text: string, prefix: string): string {
  return text.replace(/^(?=.)/gm, `${prefix} `)
}
