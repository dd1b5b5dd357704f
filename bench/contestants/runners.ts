import type { Contestant } from './contestant.ts'

/**
 * Creates the `run` of a client with promises. It runs `concurrency` loops, each of which sends its
 * next request when the previous one has ended.
 */
export function promiseRunner(sendRequest: () => Promise<void>): Contestant['run'] {
  return async (requests, concurrency) => {
    let unsent = requests
    const loop = async () => {
      while (unsent > 0) {
        unsent--
        await sendRequest()
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, requests) }, loop))
  }
}

export type Done = (error?: unknown) => void

/**
 * Creates the `run` of a client with callbacks. It creates one promise per run and none per
 * request.
 */
export function callbackRunner(startRequest: (done: Done) => void): Contestant['run'] {
  return (requests, concurrency) =>
    new Promise((resolve, reject) => {
      const firstRequests = Math.min(concurrency, requests)
      let unstarted = requests - firstRequests
      let unfinished = requests
      const done: Done = (error) => {
        if (error !== undefined) {
          unstarted = 0
          reject(error)
        }
        if (unstarted > 0) {
          unstarted--
          startRequest(done)
        }
        if (--unfinished === 0) resolve()
      }
      for (let i = 0; i < firstRequests; i++) startRequest(done)
    })
}
