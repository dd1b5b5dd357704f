import type { Client } from '../client/client.ts'
import type { Response } from '../client/response.ts'
import { LocalProtocolError, TransportError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { StatusError } from './command-errors.ts'
import type { PartialFile } from './partial-file.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { RequestSpec } from './request-spec.ts'
import { hasField } from './request-spec.ts'
import { formatBytes } from './units.ts'

/** How many times in a row a transfer may fail without receiving a byte. */
const MAX_CUTS = 3

export interface DownloadTools {
  readonly client: Client
  readonly bar: ProgressBar
  readonly signal: AbortSignal
  /** Prints a message during the download. */
  note(text: string): void
}

/** Saves one URL to a file, and resumes after failures of the network. */
export class Download {
  readonly #spec: RequestSpec
  readonly #tools: DownloadTools
  readonly #file: PartialFile
  #attemptCount = 0
  /** Bytes received by this run. */
  received = 0

  /** @param file what an earlier download of the same request has left */
  constructor(spec: RequestSpec, file: PartialFile, tools: DownloadTools) {
    this.#spec = spec
    this.#file = file
    this.#tools = tools
  }

  get #canResume(): boolean {
    return this.#spec.method === 'GET' && !hasField(this.#spec.headers, 'range')
  }

  /** Downloads until the file is complete. Throws the last error when it gives up. */
  async run(): Promise<void> {
    try {
      for (let failures = 0; ; ) {
        const before = this.received
        try {
          if (await this.#attempt()) return await this.#file.finish()
        } catch (error) {
          failures = this.received > before ? 1 : failures + 1
          const { isResumable, size } = this.#file
          if (!isTransferFailure(error) || !isResumable || failures > MAX_CUTS) throw error
          this.#tools.note(`Transfer failed at ${formatBytes(size)}: ${error.message}`)
        }
      }
    } finally {
      this.#tools.bar.stop()
      await this.#file.close()
    }
  }

  /**
   * Sends one request and saves its body.
   *
   * @returns false if `FILE.part` does not match the response, and was emptied for a new attempt
   */
  async #attempt(): Promise<boolean> {
    const file = this.#file
    const isResuming = file.isResumable && this.#canResume
    const response = await this.#sendRequest(isResuming ? file.size : null)
    const { status, headers } = response
    try {
      if (isResuming && status === 416 && unsatisfiedTotal(headers) === file.size) {
        await response.close()
        if (await this.#isUnchanged()) return true
      }
      if (
        isResuming &&
        (status === 416 || (status === 206 && !this.#continuesFile(response, file.size)))
      ) {
        await file.restart(null)
        return false
      }
      if (!response.ok) throw new StatusError(response)
      if (isResuming && status === 206) this.#tools.note(`Resuming at ${formatBytes(file.size)}`)
      else await this.#startFile(response, isResuming)
      await this.#saveBody(response)
      return true
    } finally {
      await response.close()
    }
  }

  /**
   * Requests the last byte of a file of which all bytes are there. A 416 has no validator: the file
   * can have changed without a change of its length.
   */
  async #isUnchanged(): Promise<boolean> {
    const last = this.#file.size - 1
    const response = await this.#sendRequest(last)
    try {
      return response.status === 206 && this.#continuesFile(response, last)
    } finally {
      await response.close()
    }
  }

  /** @param from the first byte to request; null for the whole file */
  #sendRequest(from: number | null): Promise<Response> {
    const { client, signal } = this.#tools
    const { method, url, createOptions } = this.#spec
    const headers = [...this.#spec.headers]
    // A range counts bytes of the encoded content, so it only fits the file without a coding.
    if (!hasField(headers, 'accept-encoding')) headers.push(['accept-encoding', 'identity'])
    if (from !== null) {
      const { validator } = this.#file.metadata!
      headers.push(['range', `bytes=${from}-`], ['if-range', validator])
    }
    const retries = this.#attemptCount++ === 0 ? 0 : MAX_CUTS
    return client.stream(method, url, { ...createOptions(), headers, signal, retries })
  }

  /**
   * Whether a 206 is the rest of the same file from this byte. Some servers honour Range, but ignore
   * If-Range.
   */
  #continuesFile({ headers }: Response, from: number): boolean {
    const range = contentRange(headers)
    const { validator, total } = this.#file.metadata!
    const etag = headers.get('etag')
    return (
      range?.start === from &&
      (total === null || range.total === null || range.total === total) &&
      (etag === null || !validator.startsWith('"') || etag === validator)
    )
  }

  /** Empties `FILE.part` for a response that begins at the first byte. */
  async #startFile(response: Response, isResuming: boolean): Promise<void> {
    if (isResuming) this.#tools.note('The server cannot resume this file. Restarting the download.')
    const { headers, status } = response
    const validator = status === 200 && this.#canResume ? validatorOf(headers) : null
    const total = contentLength(response)
    await this.#file.restart(
      validator === null ? null : { fingerprint: this.#spec.fingerprint, validator, total },
    )
  }

  async #saveBody(response: Response): Promise<void> {
    const { bar } = this.#tools
    const file = this.#file
    const length = contentLength(response)
    await bar.start(length === null ? null : file.size + length, file.size)
    for await (const chunk of response.iterBytes()) {
      await file.append(chunk)
      this.received += chunk.length
      bar.update(file.size)
    }
  }
}

/**
 * Returns the validator for If-Range: a strong ETag or a strong Last-Modified. Null if there is
 * none, or if the response cannot be resumed. RFC 9110 8.8, 14.3
 */
export function validatorOf(headers: Headers): string | null {
  if (headers.has('content-encoding') || headers.get('accept-ranges') === 'none') return null
  const etag = headers.get('etag')
  if (etag !== null) return etag.startsWith('"') ? etag : null
  // Last-Modified is strong only if the response was sent later, because a file can change twice in
  // one second (RFC 9110 8.8.2.2). A minute, as in RFC 7232 2.2.2, allows for different clocks.
  const modified = headers.get('last-modified')
  const age = Date.parse(headers.get('date') ?? '') - Date.parse(modified ?? '')
  return age >= 60_000 ? modified : null
}

/** Parses `Content-Range: bytes 100-199/200`. Null if it is missing or invalid. RFC 9110 14.4 */
export function contentRange(headers: Headers): { start: number; total: number | null } | null {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers.get('content-range') ?? '')
  if (found === null) return null
  return { start: Number(found[1]), total: found[2] === '*' ? null : Number(found[2]) }
}

/** Returns the length of the file from the Content-Range of a 416; null if it has none. */
export function unsatisfiedTotal(headers: Headers): number | null {
  const found = /^bytes \*\/(\d+)$/i.exec(headers.get('content-range') ?? '')
  return found === null ? null : Number(found[1])
}

/** Returns the Content-Length; null if the body is encoded, because then it is not the file's. */
function contentLength({ headers }: Response): number | null {
  const length = headers.get('content-length')
  return length === null || headers.has('content-encoding') ? null : Number(length)
}

/** Whether the network, the server or a timeout ended the transfer. */
function isTransferFailure(error: unknown): error is TransportError {
  return error instanceof TransportError && !(error instanceof LocalProtocolError)
}
