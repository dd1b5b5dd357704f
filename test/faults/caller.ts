import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { ConnectionPool, DispatchRequest } from '../../src/engine.ts'
import { StreamClosed } from '../../src/index.ts'
import type { HandlerActions } from '../support/pool-harness.ts'
import { RecordedDispatch } from '../support/pool-harness.ts'

/** The outcome of a call, as its caller sees it. */
export interface Outcome {
  /** Whether the call has ended, with success or an error. */
  readonly over: boolean
  readonly error: unknown
  readonly status: number | null
  /** Latin1. */
  readonly body: string
  readonly trailers: readonly (readonly [string, string])[]
}

/** The engine no longer handles errors of an upgraded connection. */
function takeOver({ socket }: RecordedDispatch): void {
  socket?.on('error', () => {})
}

/** Calls `pool.dispatch`, and checks the guarantees that the engine gives to handlers. */
export class DispatchCaller implements Outcome {
  readonly call: RecordedDispatch
  #hasLeft = false

  constructor(pool: ConnectionPool, request: DispatchRequest) {
    const { headers, method } = request
    const upgrades = method === 'CONNECT' || String(headers).startsWith('Upgrade')
    const actions: HandlerActions = upgrades
      ? { onUpgrade: takeOver }
      : { onData: () => !this.#hasLeft }
    this.call = new RecordedDispatch(pool, request, actions)
  }

  get over(): boolean {
    return this.call.hasEnded || this.isForgotten
  }

  /** Whether the response waits for the caller, who has left. */
  get isForgotten(): boolean {
    return this.#hasLeft && this.call.isPaused && !this.call.hasEnded
  }

  forget(): void {
    this.#hasLeft = true
  }

  get error(): unknown {
    return this.call.error
  }

  get status(): number | null {
    return this.call.head?.status ?? null
  }

  get body(): string {
    return this.call.body
  }

  get trailers(): readonly (readonly [string, string])[] {
    return [...(this.call.trailers ?? [])]
  }

  close(): void {
    this.call.abort()
  }

  /** Checks the guarantees that the engine gives to handlers. */
  assertGuarantees(): void {
    assert.deepEqual(this.call.violations, [], inspect(this.call.events))
    this.call.socket?.destroy()
  }
}

/** The common part of a response of the client and one of the engine. */
interface Response {
  readonly status: number
  readonly trailers: Iterable<[string, string]> | null
  readonly history?: readonly { readonly status: number }[]
  bytes(): Uint8Array | Promise<Uint8Array>
  close(): Promise<void> | undefined | void
  read?(): Promise<unknown>
}

/** Awaits the promise of a response, and reads or closes the response. */
export class PromiseCaller implements Outcome {
  over = false
  error: unknown
  status: number | null = null
  body = ''
  trailers: readonly (readonly [string, string])[] = []
  history: readonly number[] = []
  /** The error of reading the response after it was closed. */
  afterClose: unknown = null
  #response: Response | null = null
  #isClosing = false
  #isForgetting = false

  /** @param streams whether the response arrives with its head, and is not read */
  constructor(response: Promise<Response>, streams: boolean) {
    response.then(
      (given) => (streams ? this.#keep(given) : this.#read(given)),
      (error: unknown) => this.#end(error),
    )
  }

  /** Ends the call when the response has arrived. */
  forget(): void {
    this.#isForgetting = true
    if (this.#response !== null) this.#end(undefined)
  }

  /** Closes the response, as soon as it has arrived. */
  close(): void {
    this.#isClosing = true
    const response = this.#response
    if (response === null) return
    response.close()
    const read = async () => (response.read === undefined ? response.bytes() : response.read())
    read().then(
      () => this.#end(undefined),
      (error: unknown) => {
        this.afterClose = error
        this.#end(undefined)
      },
    )
  }

  assertGuarantees(): void {
    const { afterClose } = this
    assert.ok(afterClose === null || afterClose instanceof StreamClosed, inspect(afterClose))
  }

  #keep(response: Response): void {
    this.status = response.status
    this.#response = response
    if (this.#isClosing) this.close()
    if (this.#isForgetting) this.#end(undefined)
  }

  async #read(response: Response): Promise<void> {
    this.status = response.status
    this.history = (response.history ?? []).map(({ status }) => status)
    try {
      this.body = Buffer.from(await response.bytes()).latin1Slice()
      this.trailers = [...(response.trailers ?? [])]
      this.#end(undefined)
    } catch (error) {
      this.#end(error)
    }
  }

  #end(error: unknown): void {
    assert.equal(this.over, false, 'the call ended twice')
    this.error = error
    this.over = true
  }
}
