/**
 * The timers and the clock of the runtime, taken when this module is loaded. The globals of the same
 * names can be replaced later: by the fake timers of a test, which nothing advances while a request
 * waits for the network, and by jsdom, whose timers are numbers without `unref`.
 */
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// Constants, because fake timers also replace the members of `node:timers`, and a bundler may
// compile an import of a name to a read of the member at each use.
export const { clearTimeout, setImmediate, setInterval, setTimeout } = timers

/** The milliseconds since an arbitrary start. Never decreases. */
export const now = performance.now.bind(performance)

const resolved = Promise.resolve()

/**
 * Calls back in a microtask. What the callback throws is an uncaught exception. The global
 * `queueMicrotask` is not used, because no module of Node exports it: with
 * `fakeTimers.enableGlobally`, Jest replaces it before it loads anything.
 */
export function microtask(callback: () => void): void {
  resolved.then(callback).then(undefined, throwUncaught)
}

function throwUncaught(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
