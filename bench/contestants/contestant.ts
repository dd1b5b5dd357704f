/** The request that a contestant repeats, and the server that it is sent to. */
export interface Job {
  origin: string
  host: string
  port: number
  tls: boolean
  /** The certificate to trust, as PEM. */
  ca: string
  /** URL of a forward proxy. It answers the requests itself. */
  forwardProxy: string
  /** URL of a proxy that opens tunnels with CONNECT. */
  tunnelProxy: string
  /** Path of a Unix socket on which the server listens. */
  uds: string
  method: 'GET' | 'POST'
  path: string
  /** Length of the request body in bytes. 0: no body. */
  requestBytes: number
  /** Length of the response body in bytes. Each contestant checks it for each response. */
  responseBytes: number
  /** Maximum number of connections. */
  connections: number
  /** `whole` collects the body in one buffer; `stream` reads it in chunks and keeps none. */
  reading: 'whole' | 'stream'
}

/** A client that is ready to send requests. Calls of `run` may overlap. */
export interface Contestant {
  /** Sends `requests` requests, at most `concurrency` at a time. */
  run(requests: number, concurrency: number): Promise<void>
  close(): Promise<void>
}

/** Creates a contestant. Each file in this folder exports such a function as `open`. */
export type Open = (job: Job) => Promise<Contestant>

/** Returns the request body, undefined if there is none. */
export function bodyOf(job: Job): Uint8Array | undefined {
  return job.requestBytes === 0 ? undefined : new Uint8Array(job.requestBytes).fill(0x61)
}

/**
 * Returns an error if a response is not the expected one. A wrong response must not count as a fast
 * one.
 */
export function responseError(job: Job, status: number, bytes: number): Error | undefined {
  if (status === 200 && bytes === job.responseBytes) return undefined
  return new Error(
    `${job.path}: got status ${status} and ${bytes} bytes, expected 200 and ${job.responseBytes} bytes`,
  )
}

/** Throws if a response is not the expected one. */
export function verifyResponse(job: Job, status: number, bytes: number): void {
  const error = responseError(job, status, bytes)
  if (error) throw error
}
