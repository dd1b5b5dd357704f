import type { Client } from '../client/client.ts'
import type { RequestOptions } from '../client/options.ts'
import type { Response } from '../client/response.ts'
import { LocalProtocolError, TransportError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { ReportedStatus } from './command-errors.ts'
import { PartialFile } from './partial-file.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { Wanted } from './request-options.ts'
import { bytesText } from './units.ts'

/** How often in a row it may be cut without a byte gained. */
const PATIENCE = 3

export interface DownloadTools {
  readonly client: Client
  readonly bar: ProgressBar
  readonly signal: AbortSignal
  /** Tells the user something while it goes on. */
  note(text: string): void
}

/** One URL on its way into a file. */
export class Download {
  readonly #wanted: Wanted
  readonly #tools: DownloadTools
  readonly #file: PartialFile
  #attempts = 0
  /** What came over the wire in this run, in bytes. */
  received = 0

  private constructor(wanted: Wanted, file: PartialFile, tools: DownloadTools) {
    this.#wanted = wanted
    this.#file = file
    this.#tools = tools
  }

  /** Throws `FileError`. */
  static async open(wanted: Wanted, path: string, tools: DownloadTools): Promise<Download> {
    return new Download(wanted, await PartialFile.find(path, wanted.fingerprint), tools)
  }

  /** Bytes that are here. */
  get size(): number {
    return this.#file.size
  }

  /** Whether what is here stays, to go on from. */
  get isResumable(): boolean {
    return this.#file.isResumable
  }

  get #mayResume(): boolean {
    return this.#wanted.method === 'GET' && this.#wanted.isWhole
  }

  /** Goes on after a cut, as often as it helps. Throws what ended it. */
  async run(): Promise<void> {
    try {
      for (let failures = 0; ; ) {
        const before = this.received
        try {
          if (await this.#transfer()) return await this.#file.finish()
        } catch (error) {
          failures = this.received > before ? 1 : failures + 1
          if (!isCut(error) || !this.isResumable || failures > PATIENCE) throw error
          this.#tools.note(`Cut at ${bytesText(this.size)}: ${(error as Error).message}`)
        }
      }
    } finally {
      this.#tools.bar.stop()
      await this.#file.leave()
    }
  }

  /** @returns false if what is here turned out not to fit, and all has to be asked for */
  async #transfer(): Promise<boolean> {
    const file = this.#file
    const asks = this.isResumable && this.#mayResume
    const response = await this.#send(asks)
    const { status, headers } = response
    try {
      if (asks && status === 416 && unsatisfiedTotal(headers) === file.size) return true
      if (asks && (status === 416 || (status === 206 && !this.#fits(response)))) {
        await file.restart(null)
        return false
      }
      if (!response.ok) throw new ReportedStatus(response)
      if (asks && status === 206) this.#tools.note(`Going on at ${bytesText(file.size)}`)
      else await this.#begin(response, asks)
      await this.#save(response)
      return true
    } finally {
      await response.close()
    }
  }

  #send(asks: boolean): Promise<Response> {
    const { client, signal } = this.#tools
    const { method, url, call, body } = this.#wanted
    const given = [...(call.headers as Iterable<readonly [string, string]>)]
    const own: [string, string][] = []
    // Ranges are counted in what a coding gives, and are to be counted in the file.
    if (!given.some(([name]) => name.toLowerCase() === 'accept-encoding')) {
      own.push(['accept-encoding', 'identity'])
    }
    if (asks) own.push(['range', `bytes=${this.size}-`], ['if-range', this.#file.label!.validator])
    const options = {
      ...call,
      ...body(),
      headers: [...given, ...own],
      signal,
      retries: this.#attempts++ === 0 ? 0 : PATIENCE,
    } as RequestOptions
    return client.stream(method, url, options)
  }

  /** Some servers honour Range, and not If-Range. */
  #fits({ headers }: Response): boolean {
    const range = contentRange(headers)
    const { validator, total } = this.#file.label!
    const etag = headers.get('etag')
    return (
      range?.start === this.size &&
      (total === null || range.total === null || range.total === total) &&
      (etag === null || !validator.startsWith('"') || etag === validator)
    )
  }

  async #begin(response: Response, asked: boolean): Promise<void> {
    if (asked) this.#tools.note('The server cannot go on where it was cut: all of it once more')
    const { headers, status } = response
    const validator = status === 200 && this.#mayResume ? validatorOf(headers) : null
    const total = lengthOf(response)
    await this.#file.restart(
      validator === null ? null : { fingerprint: this.#wanted.fingerprint, validator, total },
    )
  }

  async #save(response: Response): Promise<void> {
    const { bar } = this.#tools
    const rest = lengthOf(response)
    await bar.start(rest === null ? null : this.size + rest, this.size)
    for await (const chunk of response.iterBytes()) {
      await this.#file.append(chunk)
      this.received += chunk.length
      bar.update(this.size)
    }
  }
}

/**
 * What the body can be recognised by when the rest of it is asked for; null where nothing is strong
 * enough, or the server gives no ranges. RFC 9110 8.8, 14.3
 */
export function validatorOf(headers: Headers): string | null {
  if (headers.has('content-encoding') || headers.get('accept-ranges') === 'none') return null
  const etag = headers.get('etag')
  if (etag !== null) return etag.startsWith('"') ? etag : null
  // Changed within the minute before it was sent, it may have changed again within the second.
  const modified = headers.get('last-modified')
  const age = Date.parse(headers.get('date') ?? '') - Date.parse(modified ?? '')
  return age >= 60_000 ? modified : null
}

/** `bytes 100-199/200`; null where it is missing or is something else. RFC 9110 14.4 */
export function contentRange(headers: Headers): { start: number; total: number | null } | null {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers.get('content-range') ?? '')
  if (found === null) return null
  return { start: Number(found[1]), total: found[2] === '*' ? null : Number(found[2]) }
}

/** Of a 416: how long the body is, null where it does not say. */
export function unsatisfiedTotal(headers: Headers): number | null {
  const found = /^bytes \*\/(\d+)$/i.exec(headers.get('content-range') ?? '')
  return found === null ? null : Number(found[1])
}

/** In bytes of the file; null where it is not known. */
function lengthOf({ headers }: Response): number | null {
  const length = headers.get('content-length')
  return length === null || headers.has('content-encoding') ? null : Number(length)
}

/** The network's doing. */
function isCut(error: unknown): boolean {
  return error instanceof TransportError && !(error instanceof LocalProtocolError)
}
