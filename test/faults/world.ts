import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { assertQuiescent } from '../client/route-requests.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedClock } from '../support/scripted-clock.ts'
import { settle } from '../support/scripted-clock.ts'
import { Asked, Dispatched } from './caller.ts'
import type { Exchange } from './exchange.ts'
import { answer } from './exchange.ts'
import { Peer } from './peer.ts'
import { routes } from './routes.ts'
import type { CallerHarm, Strike } from './strike.ts'
import { messagesOf } from './strike.ts'

const always = (body: string) => {
  const [message] = messagesOf([answer(200, [], body)])
  assert.ok(message)
  return message
}
const WARM = always('warm')
const NEXT = always('the next answer')

/** Longer than every timeout. */
const LONG = 20_000
/** How often so much time passes before a call hangs. */
const WAITS = 5
/** Turns of the event loop in between, which the threads of zlib may take. */
const PATIENCE = 5_000

/** One exchange of the corpus with one strike, or none, in a network and a time of its own. */
export class World {
  readonly backend = new ScriptedBackend()
  readonly peer: Peer
  readonly abortReason = new Error('enough')
  /** Whether the call was over when its caller did its harm. */
  wasOver = false
  readonly #exchange: Exchange
  readonly #agent: Client | ConnectionPool
  readonly #abort = new AbortController()
  #caller: Dispatched | Asked | null = null
  /** By the caller's harm. */
  #isClosed = false

  constructor(exchange: Exchange, strike: Strike | null) {
    this.#exchange = exchange
    const route = routes[exchange.route ?? 'direct']
    this.peer = new Peer(this.backend, route, strike)
    this.peer.onCaller = (harm) => this.#onCaller(harm)
    const { backend } = this
    const { proxy } = route
    const { call } = exchange
    this.#agent =
      call === undefined
        ? new ConnectionPool({ backend, proxy })
        : new Client({ backend, proxies: proxy, trustEnv: false, ...call().client })
  }

  get clock(): ScriptedClock {
    return this.backend.clock
  }

  get origin(): string {
    return `${this.#exchange.scheme ?? 'http'}://h.test`
  }

  get caller(): Dispatched | Asked {
    assert.ok(this.#caller)
    return this.#caller
  }

  /** The call, to its end. */
  async run(): Promise<void> {
    const exchange = this.#exchange
    if (exchange.warm) {
      this.peer.speaks = { always: WARM }
      await this.#asks('/warm', 'warm')
    }
    this.peer.speaks = { messages: messagesOf(exchange.answers) }
    this.peer.arm()
    this.#caller = this.#call()
    await this.#until(() => this.caller.over)
    assert.ok(this.caller.over, `it hangs: ${inspect(this.#agent)}`)
    await this.clock.flush() // what befalls it at its end
    await this.clock.flush()
  }

  #call(): Dispatched | Asked {
    const { dispatch, call } = this.#exchange
    const { signal } = this.#abort
    const streams = this.peer.strike?.harm === 'close response'
    const agent = this.#agent
    if (agent instanceof Client) {
      const { method, options } = call?.() ?? { method: 'GET' }
      const url = `${this.origin}/a?b=c`
      return new Asked(
        streams
          ? agent.stream(method, url, { ...options, signal })
          : agent.request(method, url, { ...options, signal }),
        streams,
      )
    }
    const request = { origin: this.origin, path: '/a?b=c', ...dispatch?.(), signal }
    return streams ? new Asked(agent.request(request), true) : new Dispatched(agent, request)
  }

  /** Nothing is left of it, the next request works and gets its own answer, and then all can be closed. */
  async assertClean(): Promise<void> {
    this.peer.heal(NEXT)
    await this.clock.flush()
    this.caller.assertKept()
    if (!this.#isQuiet) await this.clock.advance(LONG)
    this.#assertQuiescent()
    if (!this.#isClosed) await this.#asks('/next', 'the next answer')
    await this.#agent.close()
    await this.clock.flush()
    for (const socket of this.backend.sockets) assert.ok(socket.closed, 'a socket is left open')
    assert.equal(this.clock.armedTimers, 0, 'a timer is left')
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
    assert.equal(this.backend.held, 0, 'the process is held')
    if (this.#agent instanceof ConnectionPool) this.#agent.assertQuiescent()
    else assertQuiescent(this.#agent)
  }

  async #asks(path: string, body: string): Promise<void> {
    const { origin } = this
    const asked =
      this.#agent instanceof Client
        ? new Asked(this.#agent.get(`${origin}${path}`), false)
        : new Asked(this.#agent.request({ origin, path }), false)
    await this.#until(() => asked.over)
    assert.ok(asked.over, `the request to ${path} hangs`)
    assert.equal(asked.error, undefined, `the request to ${path} failed`)
    assert.equal(asked.body, body)
    await this.clock.flush()
    this.#assertQuiescent()
  }

  async #until(isOver: () => boolean): Promise<void> {
    for (let wait = 0; wait < WAITS && !isOver(); wait++) {
      for (let turn = 0; turn < 6 && !isOver(); turn++) await this.clock.flush()
      if (!isOver()) await this.clock.advance(LONG)
      for (let turn = 0; wait > 1 && turn < PATIENCE && !isOver(); turn++) await settle()
    }
  }

  async #onCaller(harm: CallerHarm): Promise<void> {
    this.wasOver = this.caller.over
    if (harm === 'abort') this.#abort.abort(this.abortReason)
    else if (harm === 'close response') this.caller.close()
    else {
      this.#isClosed = true
      void this.#agent.close()
    }
    await settle()
  }
}
