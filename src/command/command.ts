import { Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Response } from '../client/response.ts'
import { redactUrl } from '../errors.ts'
import { singleValue } from '../models/headers.ts'
import type { ParsedArguments } from './arguments.ts'
import { parseArguments } from './arguments.ts'
import { formatBench, runBench } from './bench.ts'
import { hintFor, StatusError, UsageError } from './command-errors.ts'
import { Download } from './download.ts'
import type { ExitReason } from './exit-codes.ts'
import { exitCodes, exitReasonForError, exitReasonForStatus } from './exit-codes.ts'
import { Output, OutputClosed } from './output.ts'
import { PartialFile } from './partial-file.ts'
import { ProgressBar } from './progress-bar.ts'
import type { RequestSpec } from './request-spec.ts'
import { createRequestSpec } from './request-spec.ts'
import { formatHead, pipeBody, printBody } from './response-printer.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { createColours, shouldColour, toOneLine, wrapText } from './terminal.ts'
import { formatByteRate, formatBytes, formatCount, formatDuration } from './units.ts'
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
    // --no-colour also applies to errors about other options, so it is found before parsing.
    if (args.some((arg) => /^--no-colou?r$/.test(arg))) {
      this.#stdoutColours = this.#stderrColours = createColours(false)
    }
    const parsed = parseArguments(args, this.#io.columns, this.#stdoutColours)
    if (typeof parsed === 'string') {
      await this.#stdout.write(parsed)
      await this.#stdout.flush()
      return 'ok'
    }
    checkCombinations(parsed)
    const spec = createRequestSpec(parsed, () => this.#io.stdin)
    if (parsed.bench !== null) return this.#bench(spec, parsed.bench, parsed.concurrency)
    const writeLog = (text: string) => this.#stderr.writeMessage(text)
    const log = parsed.verbose ? new VerboseLog(writeLog, this.#stderrColours, this.#io) : null
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
    const { method, url, createOptions } = spec
    const response = await client.stream(method, url, { ...createOptions(), signal })
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
    const location = singleValue(response.headers, 'location')
    if (response.isError && !isStatusPrinted) {
      this.#printError(new StatusError(response).message, null)
    }
    if (response.isRedirect && location !== null) {
      this.#printNote(`Redirect to ${redactUrl(location)}. Use --follow to follow redirects.`)
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
    const bar = new ProgressBar(this.#io, this.#stderrColours, formatBytes)
    const note = (text: string) => {
      bar.stop()
      this.#printNote(text)
    }
    const startedAt = clock.now()
    const file = await PartialFile.load(path, spec.fingerprint)
    const download = new Download(spec, file, { client, bar, signal, note })
    try {
      await download.run()
    } catch (error) {
      log?.end()
      const reason = this.#reportError(error)
      if (file.isResumable) {
        this.#printNote(
          `Kept ${formatBytes(file.size)} in ${path}.part. Repeat the command to resume.`,
        )
      }
      return reason
    }
    log?.end()
    const ms = clock.now() - startedAt
    const rate = formatByteRate(download.received, ms)
    this.#stderr.writeMessage(
      `${path}: ${formatBytes(file.size)} in ${formatDuration(ms)}, ${rate}\n`,
    )
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
      const bar = new ProgressBar(this.#io, this.#stderrColours, formatCount)
      const result = await runBench(spec, requests, concurrency, client, bar, this.#io)
      await this.#stdout.write(formatBench(spec, result, this.#io.columns, this.#stdoutColours))
      await this.#stdout.flush()
      return result.reason
    } finally {
      await client.close()
    }
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
    const line = toOneLine(text)
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
