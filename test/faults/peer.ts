import type { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { Route } from './routes.ts'
import type { CallerHarm, Message, Strike } from './strike.ts'
import { greetingMessage } from './strike.ts'
import { Wire } from './wire.ts'

/** What the peer has said, or was about to say when it was struck. */
export interface Said {
  readonly message: Message
  readonly wire: Wire
  readonly method: string
  /** Of the request that it answers: bytes taken when the message before was said, and by now. */
  readonly from: number
  readonly to: number
  /** The connection had served another request before. */
  readonly reused: boolean
}

/** The strike, as it came. */
export interface Struck extends Said {
  /** Bytes of the answer to this request have been said. */
  readonly started: boolean
  /** Bytes of the request wait to be taken. */
  readonly waiting: boolean
}

/** Plays everything that the client is connected to: proxies and servers, and one strike. */
export class Peer {
  /** Of the call alone, in order. */
  readonly said: Said[] = []
  /** Steps of dials during the call: `connect` or `secure`. */
  readonly dialled: ('connect' | 'secure')[] = []
  struck: Struck | null = null
  /** Where a dial was struck: before this step. */
  struckDial: 'connect' | 'secure' | null = null
  /** What it says: to the requests of the call, or always the same, around it. */
  speaks: { readonly messages: readonly Message[] } | { readonly always: Message } = {
    messages: [],
  }
  /** Lets the caller do its harm, and all settle. */
  onCaller: (harm: CallerHarm) => Promise<void> = async () => {}
  readonly strike: Strike | null
  readonly #route: Route
  readonly #wires = new Map<ScriptedSocket, Wire>()
  #cursor = 0

  constructor(backend: ScriptedBackend, route: Route, strike: Strike | null) {
    this.strike = strike
    this.#route = route
    backend.autoConnect = false
    const { connect, secure } = backend
    backend.connect = (target, handler) => this.#add(connect.call(backend, target, handler))
    backend.secure = (below, tls, handler, first) =>
      this.#add(secure.call(backend, below, tls, handler, first))
  }

  get isInCall(): boolean {
    return 'messages' in this.speaks
  }

  /** Whether the strike is the next thing to come, in its direction. */
  isDue(at: 'up' | 'down', index: number): boolean {
    const { strike } = this
    if (strike === null || this.struck !== null || !this.isInCall) return false
    return strike.at === at && strike.index === index
  }

  /** What is to be said next on a connection; null for nothing any more. */
  next(wire: Wire): Message | null {
    const greeting = this.#route.greetings[wire.greeted]
    if (greeting !== undefined) return greetingMessage(greeting)
    return 'always' in this.speaks
      ? this.speaks.always
      : (this.speaks.messages[this.#cursor] ?? null)
  }

  /** It is about to be said. */
  begins(wire: Wire, message: Message): void {
    if (typeof message.on === 'object') wire.greeted++
    else if (this.isInCall) this.#cursor++
    if (this.isInCall) this.said.push(wire.told(message))
    this.arm()
  }

  /** It was struck before its first byte: who asks once more gets it. */
  saidNothing({ on }: Message): void {
    if (typeof on !== 'object') this.#cursor--
  }

  /** Holds up the request that is to be struck. */
  arm(): void {
    if (!this.isDue('up', this.said.length)) return
    for (const wire of this.#wires.values()) wire.block()
  }

  /** Nothing harms any more, and what stalled goes on. */
  heal(always: Message): void {
    this.speaks = { always }
    for (const wire of this.#wires.values()) wire.heal()
  }

  #add(socket: ScriptedSocket): ScriptedSocket {
    const below = socket.below === null ? undefined : this.#wires.get(socket.below)
    const wire = new Wire(socket, this, below?.greeted ?? 0)
    this.#wires.set(socket, wire)
    this.arm()
    queueMicrotask(() => this.#dial(socket))
    return socket
  }

  async #dial(socket: ScriptedSocket): Promise<void> {
    if (socket.below === null) {
      if (await this.#strikesDial(socket, 'connect')) return
      socket.connected()
    }
    if (socket.tls === null || (await this.#strikesDial(socket, 'secure'))) return
    socket.secured()
  }

  /** @returns whether the dial ends here */
  async #strikesDial(socket: ScriptedSocket, step: 'connect' | 'secure'): Promise<boolean> {
    if (socket.closed || socket.destroyed) return true
    if (!this.isInCall) return false
    const index = this.dialled.push(step) - 1
    const { strike } = this
    if (strike?.at !== 'dial' || strike.index !== index) return false
    this.struckDial = step
    switch (strike.harm) {
      case 'stall':
        return true
      case 'reset':
        socket.reset(RESET)
        return true
      case 'end':
        socket.receiveEnd()
        return true
      default:
        await this.onCaller(strike.harm as CallerHarm)
        return socket.closed || socket.destroyed
    }
  }
}

export const RESET = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
