/** What a contestant is to do, over and over. */
export interface Job {
  origin: string
  host: string
  port: number
  tls: boolean
  /** The certificate to trust, PEM. */
  ca: string
  /** The URL of a proxy that answers itself what is forwarded through it. */
  forwarder: string
  /** The URL of a proxy that opens tunnels. */
  tunnels: string
  /** A unix socket that leads to the server. */
  uds: string
  method: 'GET' | 'POST'
  path: string
  /** Bytes of the request's body; 0: no body. */
  requestBytes: number
  /** Bytes of the response's body, checked by each contestant for each response. */
  responseBytes: number
  /** Connections that may be open at the same time. */
  connections: number
  /** Whole: into one piece of memory. Stream: piece by piece, none kept. */
  reading: 'whole' | 'stream'
}

/** An opened client. It may be told to run while other runs are under way. */
export interface Contestant {
  /** Does so many requests, as many at a time as there are lanes. */
  run(requests: number, lanes: number): Promise<void>
  close(): Promise<void>
}

/** What every file in this folder exports under the name `open`. */
export type Open = (job: Job) => Promise<Contestant>

export function bodyOf(job: Job): Uint8Array | undefined {
  return job.requestBytes === 0 ? undefined : new Uint8Array(job.requestBytes).fill(0x61)
}

/** Fast and wrong is no result: each contestant asks here whether what it got is right. */
export function mistakeIn(job: Job, status: number, bytes: number): Error | undefined {
  if (status === 200 && bytes === job.responseBytes) return undefined
  return new Error(`${job.path}: ${status}, ${bytes} B, and not 200, ${job.responseBytes} B`)
}

export function verify(job: Job, status: number, bytes: number): void {
  const mistake = mistakeIn(job, status, bytes)
  if (mistake) throw mistake
}
