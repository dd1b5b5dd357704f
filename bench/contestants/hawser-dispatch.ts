import { ConnectionPool } from '../../src/engine.ts'
import type { Job, Open } from './contestant.ts'
import { bodyOf, responseError } from './contestant.ts'
import type { Done } from './runners.ts'
import { callbackRunner } from './runners.ts'

/** Counts the body bytes of one response. */
class Counter {
  private status = 0
  private received = 0
  private readonly job: Job
  private readonly done: Done

  constructor(job: Job, done: Done) {
    this.job = job
    this.done = done
  }

  onHead(head: { status: number }) {
    this.status = head.status
  }

  onData(chunk: Uint8Array): undefined {
    this.received += chunk.byteLength
  }

  onEnd() {
    this.done(responseError(this.job, this.status, this.received))
  }

  onError(error: unknown) {
    this.done(error)
  }
}

/**
 * Hawser's `pool.dispatch`: one handler object per request, which counts the bytes of borrowed
 * chunks.
 */
export const open: Open = async (job) => {
  const { origin, path, method } = job
  const body = bodyOf(job)
  const pool = new ConnectionPool({
    limits: { maxConnections: job.connections },
    ...(job.tls && { tls: { ca: job.ca } }),
  })

  const start = (done: Done) => {
    const handler = new Counter(job, done)
    if (body) pool.dispatch({ origin, path, method, headers: ['accept', '*/*'], body }, handler)
    else pool.dispatch({ origin, path, method, headers: ['accept', '*/*'] }, handler)
  }

  return { run: callbackRunner(start), close: () => pool.close() }
}
