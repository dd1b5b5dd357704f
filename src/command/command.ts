import { Client } from '../client/client.ts'
import type { ClientOptions, RequestOptions } from '../client/options.ts'
import type { Response } from '../client/response.ts'
import type { Arguments } from './arguments.ts'
import { parseArguments } from './arguments.ts'
import { Bench } from './bench.ts'
import { hintFor, ReportedStatus, UsageError } from './command-errors.ts'
import { Download } from './download.ts'
import type { ExitReason } from './exit-codes.ts'
import { exitCodes, reasonOfError, reasonOfStatus } from './exit-codes.ts'
import { Output, ReaderLeft } from './output.ts'
import { headText, pipeBody, showBody } from './printing.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Wanted } from './request-options.ts'
import { wantedRequest } from './request-options.ts'
import { Story } from './story.ts'
import type { Colours, Surroundings } from './terminal.ts'
import { coloursFor, harmless, wantsColours, wrapped } from './terminal.ts'
import { bytesText, countText, durationText } from './units.ts'

const CONCURRENCY = 10
const PREFIX = 'hawser: '
const INDENT = ' '.repeat(PREFIX.length)

/** The whole command. Resolves with the exit status and never rejects. */
export async function runCommand(words: readonly string[], world: Surroundings): Promise<number> {
  return new CommandRun(world).run(words)
}

/** One run of it. */
class CommandRun {
  readonly #world: Surroundings
  readonly #stdout: Output
  readonly #stderr: Output
  #outColours: Colours
  #errColours: Colours

  constructor(world: Surroundings) {
    this.#world = world
    this.#stdout = new Output(world.stdout, world.signal)
    this.#stderr = new Output(world.stderr, world.signal)
    this.#outColours = coloursFor(wantsColours(world.stdoutIsTerminal, world.env))
    this.#errColours = coloursFor(wantsColours(world.stderrIsTerminal, world.env))
  }

  async run(words: readonly string[]): Promise<number> {
    let reason: ExitReason
    try {
      reason = await this.#perform(words)
    } catch (error) {
      reason = this.#failed(error)
    }
    return exitCodes[reason][0]
  }

  async #perform(words: readonly string[]): Promise<ExitReason> {
    const { columns } = this.#world
    // Whoever writes --no-colour means the messages about the other options, too.
    if (words.some((word) => /^--no-colou?r$/.test(word))) {
      this.#outColours = this.#errColours = coloursFor(false)
    }
    const given = parseArguments(words, { columns, colours: this.#outColours })
    if ('text' in given) {
      await this.#stdout.write(given.text)
      await this.#stdout.flush()
      return 'ok'
    }
    refuseTogether(given)
    const wanted = wantedRequest(given, () => this.#world.stdin)
    if (given.bench !== null) return this.#bench(wanted, given.bench, given.concurrency)
    const story = given.verbose ? this.#story() : null
    const client = openClient({
      ...wanted.client,
      ...(story && { eventHooks: story.hooks, trace: story.trace }),
    })
    try {
      return given.download === null
        ? await this.#request(client, wanted, story)
        : await this.#download(client, wanted, given.download, story)
    } finally {
      story?.end()
      await client.close()
    }
  }

  // --- the jobs

  async #request(client: Client, wanted: Wanted, story: Story | null): Promise<ExitReason> {
    const { signal, stdoutIsTerminal } = this.#world
    const { method, url, call, body } = wanted
    const options = { ...call, ...body(), signal } as RequestOptions
    const response = await client.stream(method, url, options)
    try {
      if (stdoutIsTerminal) {
        if (story === null) await this.#stdout.write(headText(response, this.#outColours))
        await showBody(response, this.#stdout, this.#outColours)
      } else {
        await pipeBody(response, this.#stdout)
      }
      await this.#stdout.flush()
    } catch (error) {
      if (!(error instanceof ReaderLeft)) throw error
    } finally {
      await response.close()
    }
    story?.end()
    return this.#outcome(response, stdoutIsTerminal || story !== null)
  }

  #outcome(response: Response, isSeen: boolean): ExitReason {
    const location = response.headers.get('location')
    if (response.isError && !isSeen) this.#complain(new ReportedStatus(response).message, null)
    if (response.isRedirect && location !== null) {
      this.#note(`It redirects to ${location}: --follow goes there.`)
    }
    return reasonOfStatus(response.status)
  }

  async #download(
    client: Client,
    wanted: Wanted,
    path: string,
    story: Story | null,
  ): Promise<ExitReason> {
    const { clock, signal } = this.#world
    const bar = this.#bar(bytesText)
    const note = (text: string) => {
      bar.stop()
      this.#note(text)
    }
    const tools = { client, bar, signal, note }
    const startedAt = clock.now()
    const download = await Download.open(wanted, path, tools)
    try {
      await download.run()
    } catch (error) {
      story?.end()
      const reason = this.#failed(error)
      if (download.isResumable) {
        const size = bytesText(download.size)
        this.#note(`${size} are kept in ${path}.part: the same command goes on from there.`)
      }
      return reason
    }
    story?.end()
    const ms = clock.now() - startedAt
    const rate = bytesText(Math.round((download.received / ms) * 1000))
    this.#stderr.say(`${path}: ${bytesText(download.size)} in ${durationText(ms)}, ${rate}/s\n`)
    return 'ok'
  }

  async #bench(wanted: Wanted, requests: number, concurrency: number | null): Promise<ExitReason> {
    const atATime = concurrency ?? CONCURRENCY
    const client = openClient({ ...wanted.client, poolLimits: { maxConnections: atATime } })
    try {
      const bar = this.#bar(countText)
      const bench = new Bench(wanted, requests, atATime, client, bar, this.#world)
      const reason = await bench.run()
      await this.#stdout.write(bench.report(this.#world.columns, this.#outColours))
      await this.#stdout.flush()
      return reason
    } finally {
      await client.close()
    }
  }

  // --- what they say

  #bar(amount: (count: number) => string): ProgressBar {
    const { stderr: stream, stderrIsTerminal: isTerminal, columns, clock } = this.#world
    return new ProgressBar({
      stream,
      isTerminal,
      columns,
      clock,
      amount,
      colours: this.#errColours,
    })
  }

  #story(): Story {
    const { columns, clock } = this.#world
    return new Story((text) => this.#stderr.say(text), this.#errColours, columns, clock)
  }

  /** One clear line, and what can be done about it. */
  #failed(error: unknown): ExitReason {
    if (error instanceof ReaderLeft) return 'ok'
    if (this.#world.signal.aborted) {
      this.#complain('Stopped', null)
      return 'interrupted'
    }
    const reason = reasonOfError(error)
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    const text = reason === 'unexpected' ? `${name}: ${message}` : message
    const hint =
      reason === 'unexpected' ? 'This is a fault of hawser: please report it.' : hintFor(error)
    this.#complain(text, hint)
    return reason
  }

  #complain(text: string, hint: string | null): void {
    const { red, dim } = this.#errColours
    const line = this.#fitted(`${PREFIX}${text}`).slice(PREFIX.length)
    const advice = hint === null ? '' : `${INDENT}${dim(this.#fitted(hint, INDENT))}\n`
    this.#stderr.say(`${red(PREFIX.trimEnd())} ${line}\n${advice}`)
  }

  #note(text: string): void {
    this.#stderr.say(`${this.#errColours.dim(this.#fitted(text, ''))}\n`)
  }

  /** One line, but on a terminal, which would break it inside of words. */
  #fitted(text: string, indent = INDENT): string {
    const { columns, stderrIsTerminal } = this.#world
    const line = harmless(text).replace(/\s*\n\s*/g, ' ')
    return stderrIsTerminal ? wrapped(line, columns, indent.length) : line
  }
}

/** A bad option of the client came from the command line, or from the environment. */
function openClient(options: ClientOptions): Client {
  try {
    return new Client(options)
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
}

function refuseTogether(given: Arguments): void {
  const { bench, download, verbose, concurrency, content } = given
  if (bench === null) {
    if (concurrency !== null) throw new UsageError('-c is for --bench: how many at a time')
    return
  }
  if (download !== null) throw new UsageError('--bench and --download do not go together')
  if (verbose) throw new UsageError('--bench and --verbose do not go together')
  if (content === '-') throw new UsageError('--bench cannot send stdin more than once')
}
