import { Client } from '../client/client.ts'
import type { ClientOptions, RequestOptions } from '../client/options.ts'
import type { Response } from '../client/response.ts'
import type { ParsedArguments } from './arguments.ts'
import { parseArguments } from './arguments.ts'
import { Bench } from './bench.ts'
import { hintFor, StatusError, UsageError } from './command-errors.ts'
import { Download } from './download.ts'
import type { ExitReason } from './exit-codes.ts'
import { exitCodes, exitReasonForError, exitReasonForStatus } from './exit-codes.ts'
import { Output, OutputClosed } from './output.ts'
import { ProgressBar } from './progress-bar.ts'
import type { RequestSpec } from './request-spec.ts'
import { createRequestSpec } from './request-spec.ts'
import { formatHead, pipeBody, printBody } from './response-printer.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { createColours, shouldColour, stripControls, wrapText } from './terminal.ts'
import { formatBytes, formatCount, formatDuration } from './units.ts'
import { VerboseLog } from './verbose-log.ts'

const DEFAULT_CONCURRENCY = 10
const ERROR_PREFIX = 'hawser: '
const INDENT = ' '.repeat(ERROR_PREFIX.length)

/**
 * Runs the command. Never rejects.
 *
 * @param args the arguments after the name of the program
 * @returns the exit status
 */
export async function runCommand(args: readonly string[], io: CommandIO): Promise<number> {
  return new CommandRun(io).run(args)
}

/** One invocation of the command. */
class CommandRun {
  readonly #io: CommandIO
  readonly #stdout: Output
  readonly #stderr: Output
  #stdoutColours: Colours
  #stderrColours: Colours

  constructor(io: CommandIO) {
    this.#io = io
    this.#stdout = new Output(io.stdout, io.signal)
    this.#stderr = new Output(io.stderr, io.signal)
    this.#stdoutColours = createColours(shouldColour(io.stdoutIsTerminal, io.env))
    this.#stderrColours = createColours(shouldColour(io.stderrIsTerminal, io.env))
  }

  async run(args: readonly string[]): Promise<number> {
    let reason: ExitReason
    try {
      reason = await this.#execute(args)
    } catch (error) {
      reason = this.#reportError(error)
    }
    return exitCodes[reason][0]
  }

  async #execute(args: readonly string[]): Promise<ExitReason> {
    const { columns } = this.#io
    // --no-colour also applies to errors about other options, so it is found before parsing.
    if (args.some((arg) => /^--no-colou?r$/.test(arg))) {
      this.#stdoutColours = this.#stderrColours = createColours(false)
    }
    const parsed = parseArguments(args, { columns, colours: this.#stdoutColours })
    if ('text' in parsed) {
      await this.#stdout.write(parsed.text)
      await this.#stdout.flush()
      return 'ok'
    }
    checkCombinations(parsed)
    const spec = createRequestSpec(parsed, () => this.#io.stdin)
    if (parsed.bench !== null) return this.#bench(spec, parsed.bench, parsed.concurrency)
    const log = parsed.verbose ? this.#createVerboseLog() : null
    const client = createClient({
      ...spec.clientOptions,
      ...(log && { eventHooks: log.hooks, trace: log.trace }),
    })
    try {
      return parsed.download === null
        ? await this.#sendRequest(client, spec, log)
        : await this.#download(client, spec, parsed.download, log)
    } finally {
      log?.end()
      await client.close()
    }
  }

  async #sendRequest(
    client: Client,
    spec: RequestSpec,
    log: VerboseLog | null,
  ): Promise<ExitReason> {
    const { signal, stdoutIsTerminal } = this.#io
    const { method, url, callOptions, createBody } = spec
    const options = { ...callOptions, ...createBody(), signal } as RequestOptions
    const response = await client.stream(method, url, options)
    try {
      if (stdoutIsTerminal) {
        if (log === null) await this.#stdout.write(formatHead(response, this.#stdoutColours))
        await printBody(response, this.#stdout, this.#stdoutColours)
      } else {
        await pipeBody(response, this.#stdout)
      }
      await this.#stdout.flush()
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error
    } finally {
      await response.close()
    }
    log?.end()
    return this.#reportStatus(response, stdoutIsTerminal || log !== null)
  }

  #reportStatus(response: Response, isStatusPrinted: boolean): ExitReason {
    const location = response.headers.get('location')
    if (response.isError && !isStatusPrinted) {
      this.#printError(new StatusError(response).message, null)
    }
    if (response.isRedirect && location !== null) {
      this.#printNote(`Redirect to ${location}. Use --follow to follow redirects.`)
    }
    return exitReasonForStatus(response.status)
  }

  async #download(
    client: Client,
    spec: RequestSpec,
    path: string,
    log: VerboseLog | null,
  ): Promise<ExitReason> {
    const { clock, signal } = this.#io
    const bar = this.#createProgressBar(formatBytes)
    const note = (text: string) => {
      bar.stop()
      this.#printNote(text)
    }
    const startedAt = clock.now()
    const download = await Download.open(spec, path, { client, bar, signal, note })
    try {
      await download.run()
    } catch (error) {
      log?.end()
      const reason = this.#reportError(error)
      if (download.isResumable) {
        const size = formatBytes(download.size)
        this.#printNote(`Kept ${size} in ${path}.part. Repeat the command to resume.`)
      }
      return reason
    }
    log?.end()
    const ms = clock.now() - startedAt
    const size = formatBytes(download.size)
    const rate = formatBytes(Math.round((download.received / ms) * 1000))
    this.#stderr.writeMessage(`${path}: ${size} in ${formatDuration(ms)}, ${rate}/s\n`)
    return 'ok'
  }

  async #bench(
    spec: RequestSpec,
    requests: number,
    concurrencyOption: number | null,
  ): Promise<ExitReason> {
    const concurrency = concurrencyOption ?? DEFAULT_CONCURRENCY
    const client = createClient({
      ...spec.clientOptions,
      poolLimits: { maxConnections: concurrency },
    })
    try {
      const bar = this.#createProgressBar(formatCount)
      const bench = new Bench(spec, requests, concurrency, client, bar, this.#io)
      const reason = await bench.run()
      await this.#stdout.write(bench.report(this.#io.columns, this.#stdoutColours))
      await this.#stdout.flush()
      return reason
    } finally {
      await client.close()
    }
  }

  #createProgressBar(formatAmount: (count: number) => string): ProgressBar {
    const { stderr: stream, stderrIsTerminal: isTerminal, columns, clock } = this.#io
    return new ProgressBar({
      stream,
      isTerminal,
      columns,
      clock,
      formatAmount,
      colours: this.#stderrColours,
    })
  }

  #createVerboseLog(): VerboseLog {
    const { columns, clock } = this.#io
    const write = (text: string) => this.#stderr.writeMessage(text)
    return new VerboseLog(write, this.#stderrColours, columns, clock)
  }

  /** Prints an error, with a hint if there is one. */
  #reportError(error: unknown): ExitReason {
    if (error instanceof OutputClosed) return 'ok'
    if (this.#io.signal.aborted) {
      this.#printError('Interrupted', null)
      return 'interrupted'
    }
    const reason = exitReasonForError(error)
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    if (reason === 'internal') {
      this.#printError(`${name}: ${message}`, 'This is a bug in hawser. Please report it.')
    } else {
      this.#printError(message, hintFor(error))
    }
    return reason
  }

  #printError(text: string, hint: string | null): void {
    const { red, dim } = this.#stderrColours
    const line = this.#fitLine(`${ERROR_PREFIX}${text}`).slice(ERROR_PREFIX.length)
    const hintLine = hint === null ? '' : `${INDENT}${dim(this.#fitLine(hint, INDENT))}\n`
    this.#stderr.writeMessage(`${red(ERROR_PREFIX.trimEnd())} ${line}\n${hintLine}`)
  }

  #printNote(text: string): void {
    this.#stderr.writeMessage(`${this.#stderrColours.dim(this.#fitLine(text, ''))}\n`)
  }

  /** Makes `text` one line. For a terminal, which would break inside of words, wraps it instead. */
  #fitLine(text: string, indent = INDENT): string {
    const { columns, stderrIsTerminal } = this.#io
    const line = stripControls(text).replace(/\s*\n\s*/g, ' ')
    return stderrIsTerminal ? wrapText(line, columns, indent.length) : line
  }
}

/** Throws `UsageError` for an invalid option: it comes from an argument or the environment. */
function createClient(options: ClientOptions): Client {
  try {
    return new Client(options)
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
}

/** @throws UsageError for options that exclude each other */
function checkCombinations(parsed: ParsedArguments): void {
  const { bench, download, verbose, concurrency, content } = parsed
  if (bench === null) {
    if (concurrency !== null) throw new UsageError('-c requires --bench')
    return
  }
  if (download !== null) throw new UsageError('--bench and --download cannot be combined')
  if (verbose) throw new UsageError('--bench and --verbose cannot be combined')
  if (content === '-') throw new UsageError('--bench cannot send stdin more than once')
}
