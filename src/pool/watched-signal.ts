/** What a signal ends. */
export interface Abortable {
  abort(reason: unknown): void
}

/**
 * All that is ended by one signal, and its only listener: with one listener for each request Node
 * warns of a leak at the eleventh.
 */
export class WatchedSignal {
  readonly #signal: AbortSignal
  readonly #watches = new Set<Abortable>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(watch: Abortable): void {
    if (this.#watches.size === 0) this.#signal.addEventListener('abort', this)
    this.#watches.add(watch)
  }

  remove(watch: Abortable): void {
    this.#watches.delete(watch)
    if (this.#watches.size === 0) this.#signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    for (const watch of this.#watches) watch.abort(this.#signal.reason)
  }
}

const watched = new WeakMap<AbortSignal, WatchedSignal>()

export function watchedOf(signal: AbortSignal): WatchedSignal {
  let known = watched.get(signal)
  if (known === undefined) {
    known = new WatchedSignal(signal)
    watched.set(signal, known)
  }
  return known
}
