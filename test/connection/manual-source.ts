import { settle } from '../support/scripted-clock.ts'

/** A body whose chunks come from the test. It counts the calls of its methods. */
export class ManualSource implements AsyncIterableIterator<string> {
  returnCalls = 0
  /** The argument of the last call of `return`. */
  closeReason: unknown
  nextCalls = 0
  #give: (step: IteratorResult<string>) => void = () => {}

  next(): Promise<IteratorResult<string>> {
    this.nextCalls++
    return new Promise((resolve) => {
      this.#give = resolve
    })
  }

  async give(value: string): Promise<void> {
    this.#give({ value, done: false })
    await settle()
  }

  async end(): Promise<void> {
    this.#give({ value: undefined, done: true })
    await settle()
  }

  return(reason?: unknown): Promise<IteratorResult<string>> {
    this.returnCalls++
    this.closeReason = reason
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Returns what follows the head in the written bytes of a request. */
export function contentOf(written: string): string {
  return written.slice(written.indexOf('\r\n\r\n') + 4)
}
