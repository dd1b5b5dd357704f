import type { EventHooks } from '../client/options.ts'
import type { Request } from '../client/request.ts'
import type { Response } from '../client/response.ts'
import { redactUrl } from '../errors.ts'
import { redactField } from '../redaction.ts'
import { formatFields, formatHead } from './response-printer.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { stripControls } from './terminal.ts'
import { formatDuration } from './units.ts'

/** Phases whose trace events (such as `wait` or `connection:dns`) have a `duration` in ms. */
const TRACED_PHASES = ['queue', 'dns', 'tcp', 'tunnel', 'tls', 'write', 'wait', 'read']
/** The parts of `connect`. The log shows `connect` only if the trace reports none of them. */
const CONNECT_PHASES = ['dns', 'tcp', 'tunnel', 'tls']

/** A phase of an exchange. Times are in ms, of the same clock. */
interface Phase {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** One request and its response. */
interface LoggedExchange {
  readonly startedAt: number
  /** The formatted head of the request. */
  readonly request: string
  readonly phases: Phase[]
  isRequestLogged: boolean
  hasNewConnection: boolean
  /** When the head of the response was received. */
  responseAt: number | null
  /** Why the connection was closed. Printed at the end; the trace may report it earlier. */
  closeReason: string | null
}

/** The data of a trace event. */
type EventInfo = Readonly<Record<string, unknown>>

/**
 * Prints connections, the heads of requests and responses, and a timeline of each exchange. The
 * phases are those of the trace; phases without a trace event are measured between hooks.
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
  readonly trace = (event: string, info: object): void => {
    const exchange = this.#exchange
    if (exchange === null) return
    const eventInfo = info as EventInfo
    const now = this.#io.clock.now()
    const phase = event.split(':').find((part) => TRACED_PHASES.includes(part))
    if (phase !== undefined && typeof eventInfo.duration === 'number') {
      addPhase(exchange, phase, now - eventInfo.duration, now)
    } else if (event === 'connection:open') {
      this.#logConnection(exchange, eventInfo, now)
    } else if (event === 'connection:close') {
      exchange.closeReason = `${eventInfo.reason}`
    }
  }

  /** Ends the exchange after its body or an error, and prints the timeline. Idempotent. */
  end(): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    const { startedAt, phases, responseAt, closeReason } = exchange
    const now = this.#io.clock.now()
    // After an earlier connection, only 'dial-failed' tells that this exchange got none.
    if (!exchange.isRequestLogged && (closeReason === 'dial-failed' || !this.#hasConnected)) {
      this.#logNote('No connection was established')
      addPhase(exchange, 'connect', startedAt, now)
    } else {
      this.#logRequest(exchange)
      if (responseAt === null) addPhase(exchange, 'wait', lastPhaseEnd(exchange), now)
      else addPhase(exchange, 'read', responseAt, now)
      if (closeReason !== null) this.#logNote(`Connection closed: ${closeReason}`)
    }
    this.#write(`\n${formatTimeline(startedAt, now, phases, this.#io.columns, this.#colours)}`)
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
      phases: [],
      isRequestLogged: false,
      hasNewConnection: false,
      responseAt: null,
      closeReason: null,
    }
  }

  #logConnection(exchange: LoggedExchange, { origin, address }: EventInfo, now: number): void {
    if (exchange.isRequestLogged) return
    exchange.hasNewConnection = true
    this.#hasConnected = true
    const { startedAt, phases } = exchange
    const isTraced = phases.some(({ name }) => CONNECT_PHASES.includes(name))
    if (!isTraced) addPhase(exchange, 'connect', startedAt, now)
    const isResolved = typeof address === 'string' && !`${origin}`.includes(address)
    const where = isResolved ? ` (${address})` : ''
    this.#logNote(`Connected to ${origin}${where} in ${formatDuration(now - startedAt)}`)
    this.#logRequest(exchange)
  }

  #logResponse(response: Response): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#logRequest(exchange)
    exchange.responseAt = this.#io.clock.now()
    addPhase(exchange, 'wait', lastPhaseEnd(exchange), exchange.responseAt)
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

/** Adds a phase unless the exchange already has it. */
function addPhase({ phases }: LoggedExchange, name: string, start: number, end: number): void {
  if (!phases.some((phase) => phase.name === name)) phases.push({ name, start, end })
}

/** Returns the end of the last phase, or the start of the exchange. */
function lastPhaseEnd({ startedAt, phases }: LoggedExchange): number {
  return Math.max(startedAt, ...phases.map(({ end }) => end))
}

/** Draws one row per phase, with its duration and a bar at its position in time. */
function formatTimeline(
  startedAt: number,
  endedAt: number,
  phases: readonly Phase[],
  columns: number,
  { bold, cyan, dim }: Colours,
): string {
  const width = Math.min(Math.max(columns - 24, 10), 50)
  const scale = width / Math.max(endedAt - startedAt, 1e-6)
  const row = (name: string, ms: number) =>
    `  ${dim(name.padEnd(8))} ${formatDuration(ms).padStart(8)}`
  const rows = phases.map(({ name, start, end }) => {
    const left = Math.min(Math.max(Math.round((start - startedAt) * scale), 0), width - 1)
    const length = Math.max(Math.round((end - startedAt) * scale) - left, 1)
    const bar = '━'.repeat(Math.min(length, width - left))
    return `${row(name, end - start)}  ${' '.repeat(left)}${cyan(bar)}`
  })
  return `${[...rows, bold(row('total', endedAt - startedAt))].join('\n')}\n`
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
