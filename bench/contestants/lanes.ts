import type { Contestant } from './contestant.ts'

/** A lane starts its next request when the last one has ended: for clients that give promises. */
export function promiseLanes(once: () => Promise<void>): Contestant['run'] {
  return async (requests, lanes) => {
    let left = requests
    const lane = async () => {
      while (left > 0) {
        left--
        await once()
      }
    }
    await Promise.all(Array.from({ length: Math.min(lanes, requests) }, lane))
  }
}

export type Done = (error?: unknown) => void

/** The same for clients that call back: no promise for a request, one for the whole run. */
export function callbackLanes(start: (done: Done) => void): Contestant['run'] {
  return (requests, lanes) =>
    new Promise((resolve, reject) => {
      const running = Math.min(lanes, requests)
      let toStart = requests - running
      let toEnd = requests
      const done: Done = (error) => {
        if (error !== undefined) {
          toStart = 0
          reject(error)
        }
        if (toStart > 0) {
          toStart--
          start(done)
        }
        if (--toEnd === 0) resolve()
      }
      for (let lane = 0; lane < running; lane++) start(done)
    })
}
