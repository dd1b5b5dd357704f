import { ConnectionPool } from '../../src/engine.ts'
import type { Job, Open } from './contestant.ts'
import { bodyOf, mistakeIn } from './contestant.ts'
import type { Done } from './lanes.ts'
import { callbackLanes } from './lanes.ts'

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
    this.done(mistakeIn(this.job, this.status, this.received))
  }

  onError(error: unknown) {
    this.done(error)
  }
}

/** Hawser's `pool.dispatch`: one handler object for each request, borrowed chunks, only counted. */
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

  return { run: callbackLanes(start), close: () => pool.close() }
}
