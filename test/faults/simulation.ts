import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { EventName } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { assertQuiescent } from '../client/route-requests.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedClock } from '../support/scripted-clock.ts'
import { settle } from '../support/scripted-clock.ts'
import { DispatchCaller, PromiseCaller } from './caller.ts'
import type { Exchange } from './exchange.ts'
import { answer } from './exchange.ts'
import type { CallerFault, Injection } from './injection.ts'
import { messagesOf } from './injection.ts'
import { Peer } from './peer.ts'
import { routes } from './routes.ts'

const always = (body: string) => {
  const [message] = messagesOf([answer(200, [], body)])
  assert.ok(message)
  return message
}
const WARM = always('warm')
const NEXT = always('the next response')

/** In ms. */
const LONGER_THAN_TIMEOUTS = 20_000
/** How often this time passes before a call is considered to hang. */
const MAX_WAITS = 5
/** Turns of the event loop in between, because the threads of zlib take real time. */
const MAX_TURNS = 5_000

/** Runs one exchange of the corpus with at most one fault, in its own scripted network and time. */
export class Simulation {
  readonly backend = new ScriptedBackend()
  readonly peer: Peer
  readonly abortReason = new Error('enough')
  /** Whether the call had ended when its caller caused the fault. */
  wasOverAtFault = false
  readonly #exchange: Exchange
  readonly #agent: Client | ConnectionPool
  readonly #abort = new AbortController()
  #caller: DispatchCaller | PromiseCaller | null = null
  /** Whether the caller has closed the pool or client, as its fault. */
  #isClosed = false

  constructor(exchange: Exchange, injection: Injection | null) {
    this.#exchange = exchange
    const route = routes[exchange.route ?? 'direct']
    this.peer = new Peer(this.backend, route, injection)
    this.peer.onCallerFault = (fault) => this.#onCallerFault(fault)
    const { backend } = this
    const { proxy } = route
    const { call } = exchange
    // Most calls have no listener.
    const isTraced = injection === null || injection.at === 'event'
    const trace = isTraced ? { trace: (name: EventName, _: object) => this.#onEvent(name) } : {}
    this.#agent =
      call === undefined
        ? new ConnectionPool({ backend, proxy, ...trace })
        : new Client({ backend, proxies: proxy, trustEnv: false, ...trace, ...call().client })
  }

  get clock(): ScriptedClock {
    return this.backend.clock
  }

  get origin(): string {
    return `${this.#exchange.scheme ?? 'http'}://h.test`
  }

  get caller(): DispatchCaller | PromiseCaller {
    assert.ok(this.#caller)
    return this.#caller
  }

  /** Runs the call to its end. */
  async run(): Promise<void> {
    const exchange = this.#exchange
    const { clock } = this
    if (exchange.warm) {
      clock.autoPoll = exchange.closesWarm !== true
      this.peer.script = { always: WARM }
      await this.#checkRequest('/warm', 'warm')
    }
    this.peer.script = { messages: messagesOf(exchange.answers) }
    this.peer.blockBeforeInjection()
    this.#caller = this.#startCall()
    if (!clock.autoPoll) {
      await settle()
      if (!this.backend.socket.closed) this.backend.socket.receiveEnd()
      clock.autoPoll = true
      clock.endPoll()
    }
    await this.#until(() => this.caller.over)
    assert.ok(this.caller.over, `the call hangs: ${inspect(this.#agent)}`)
    await this.clock.flush() // A fault may be injected after the end.
    await this.clock.flush()
  }

  #startCall(): DispatchCaller | PromiseCaller {
    const { dispatch, call } = this.#exchange
    const { signal } = this.#abort
    const fault = this.peer.injection?.fault
    const agent = this.#agent
    if (agent instanceof Client) {
      const streams = fault === 'close response' || fault === 'forget'
      const { method, options } = call?.() ?? { method: 'GET' }
      const url = `${this.origin}/a?b=c`
      return new PromiseCaller(
        streams
          ? agent.stream(method, url, { ...options, signal })
          : agent.request(method, url, { ...options, signal }),
        streams,
      )
    }
    const request = { origin: this.origin, path: '/a?b=c', ...dispatch?.(), signal }
    return fault === 'close response'
      ? new PromiseCaller(agent.request(request), true)
      : new DispatchCaller(agent, request)
  }

  /** Checks what a response holds that waits for its reader, and ends it. */
  endForgotten(): void {
    const { caller } = this
    if (!(caller instanceof DispatchCaller) || !caller.isForgotten) return
    assert.equal(this.backend.holdCount, 0, 'an unread response keeps the process running')
    assert.match(inspect(this.#agent), /\(1 unread\)/)
    caller.close()
  }

  /**
   * Checks that nothing is left, that the next request gets its own response, and that all closes.
   */
  async assertClean(): Promise<void> {
    this.peer.heal(NEXT)
    await this.clock.flush()
    this.caller.assertGuarantees()
    if (!this.#isQuiet) await this.clock.advance(LONGER_THAN_TIMEOUTS)
    this.#assertQuiescent()
    if (!this.#isClosed) await this.#checkRequest('/next', 'the next response')
    await this.#agent.close()
    await this.clock.flush()
    for (const socket of this.backend.sockets) assert.ok(socket.closed, 'a socket is still open')
    assert.equal(this.clock.armedTimers, 0, 'a timer is still armed')
  }

  get #isQuiet(): boolean {
    try {
      this.#assertQuiescent()
      return true
    } catch {
      return false
    }
  }

  #assertQuiescent(): void {
    assert.equal(this.backend.holdCount, 0, 'a handle keeps the process running')
    if (this.#agent instanceof ConnectionPool) this.#agent.assertQuiescent()
    else assertQuiescent(this.#agent)
  }

  async #checkRequest(path: string, body: string): Promise<void> {
    const { origin } = this
    const caller =
      this.#agent instanceof Client
        ? new PromiseCaller(this.#agent.get(`${origin}${path}`), false)
        : new PromiseCaller(this.#agent.request({ origin, path }), false)
    await this.#until(() => caller.over)
    assert.ok(caller.over, `the request to ${path} hangs`)
    assert.equal(caller.error, undefined, `the request to ${path} failed`)
    assert.equal(caller.body, body)
    await this.clock.flush()
    this.#assertQuiescent()
  }

  async #until(isOver: () => boolean): Promise<void> {
    for (let wait = 0; wait < MAX_WAITS && !isOver(); wait++) {
      for (let turn = 0; turn < 6 && !isOver(); turn++) await this.clock.flush()
      if (!isOver()) await this.clock.advance(LONGER_THAN_TIMEOUTS)
      for (let turn = 0; wait > 1 && turn < MAX_TURNS && !isOver(); turn++) await settle()
    }
  }

  #onEvent(name: EventName): void {
    const { injection } = this.peer
    if (this.peer.isDueInEvent(name)) void this.#onCallerFault(injection?.fault as CallerFault)
  }

  async #onCallerFault(fault: CallerFault): Promise<void> {
    this.wasOverAtFault = this.#caller?.over === true
    if (fault === 'abort') this.#abort.abort(this.abortReason)
    else if (fault === 'close response') this.caller.close()
    else if (fault === 'forget') this.caller.forget()
    else {
      this.#isClosed = true
      void this.#agent.close()
    }
    await settle()
  }
}
