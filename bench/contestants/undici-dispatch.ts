import type { Dispatcher } from 'undici'
import { Pool } from 'undici'
import type { Job, Open } from './contestant.ts'
import { bodyOf, responseError } from './contestant.ts'
import type { Done } from './runners.ts'
import { callbackRunner } from './runners.ts'

/** Counts the body bytes of one response. */
class Counter implements Dispatcher.DispatchHandler {
  private status = 0
  private received = 0
  private readonly job: Job
  private readonly done: Done

  constructor(job: Job, done: Done) {
    this.job = job
    this.done = done
  }

  onRequestStart() {}

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number) {
    this.status = statusCode
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer) {
    this.received += chunk.byteLength
  }

  onResponseEnd() {
    this.done(responseError(this.job, this.status, this.received))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error) {
    this.done(error)
  }
}

/** undici's `pool.dispatch`, for comparison with Hawser's. Bytes are only counted. */
export const open: Open = async (job) => {
  const { path, method } = job
  const body = bodyOf(job)
  const pool = new Pool(job.origin, {
    connections: job.connections,
    pipelining: 1,
    ...(job.tls && { connect: { ca: job.ca } }),
  })

  const start = (done: Done) => {
    const handler = new Counter(job, done)
    if (body) pool.dispatch({ path, method, headers: ['accept', '*/*'], body }, handler)
    else pool.dispatch({ path, method, headers: ['accept', '*/*'] }, handler)
  }

  return { run: callbackRunner(start), close: () => pool.close() }
}
