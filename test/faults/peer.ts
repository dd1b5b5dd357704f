import type { EventName } from '../../src/engine.ts'
import type { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { CallerFault, Injection, Message } from './injection.ts'
import { greetingMessage } from './injection.ts'
import { PeerConnection } from './peer-connection.ts'
import type { Route } from './routes.ts'

/** A message that the peer has sent, or was about to send when the fault was injected. */
export interface SentMessage {
  readonly message: Message
  readonly connection: PeerConnection
  readonly method: string
  /**
   * How many bytes of the answered request had arrived when the previous message was sent (`from`),
   * and when this one was sent (`to`).
   */
  readonly from: number
  readonly to: number
  /** Whether the connection had served another request before. */
  readonly reused: boolean
}

/** The state at the moment when the fault was injected. */
export interface InjectionPoint extends SentMessage {
  /** Whether bytes of the response to this request have been sent. */
  readonly responseStarted: boolean
  /** Whether bytes of the request are waiting in the socket. */
  readonly hasPendingBytes: boolean
}

/** Plays the proxies and servers on all connections of a call, and injects one fault. */
export class Peer {
  /** The messages of the call, in order. Those before and after the call are not recorded. */
  readonly sent: SentMessage[] = []
  /** Steps of all dials during the call, in order. */
  readonly dialled: ('connect' | 'secure')[] = []
  injectionPoint: InjectionPoint | null = null
  /** The names of the events during the call, in order. */
  readonly events: EventName[] = []
  /** The step of a dial before which the fault was injected. */
  failedDialStep: 'connect' | 'secure' | null = null
  /**
   * The messages for the requests of the call. Outside of the call: the response to each request.
   */
  script: { readonly messages: readonly Message[] } | { readonly always: Message } = {
    messages: [],
  }
  /** Makes the caller cause its fault, and waits until the effects have settled. */
  onCallerFault: (fault: CallerFault) => Promise<void> = async () => {}
  readonly injection: Injection | null
  readonly #route: Route
  readonly #connections = new Map<ScriptedSocket, PeerConnection>()
  #nextIndex = 0

  constructor(backend: ScriptedBackend, route: Route, injection: Injection | null) {
    this.injection = injection
    this.#route = route
    backend.autoConnect = false
    const { connect, secure } = backend
    backend.connect = (target, handler) => this.#add(connect.call(backend, target, handler))
    backend.secure = (below, tls, handler, first) =>
      this.#add(secure.call(backend, below, tls, handler, first))
  }

  get isInCall(): boolean {
    return 'messages' in this.script
  }

  /** Records an event. Returns whether the fault is to be injected into its listener. */
  isDueInEvent(name: EventName): boolean {
    if (!this.isInCall) return false
    const index = this.events.push(name) - 1
    return this.injection?.at === 'event' && this.injection.index === index
  }

  /** Whether the fault is to be injected into this message (`down`) or its request (`up`). */
  isDue(at: 'up' | 'down', index: number): boolean {
    const { injection } = this
    if (injection === null || this.injectionPoint !== null || !this.isInCall) return false
    return injection.at === at && injection.index === index
  }

  /** The next message on a connection, or null if there is none. */
  next(connection: PeerConnection): Message | null {
    const greeting = this.#route.greetings[connection.greetingsSent]
    if (greeting !== undefined) return greetingMessage(greeting)
    return 'always' in this.script
      ? this.script.always
      : (this.script.messages[this.#nextIndex] ?? null)
  }

  /** Called before a message is sent. */
  onMessage(connection: PeerConnection, message: Message): void {
    if (typeof message.sentAfter === 'object') connection.greetingsSent++
    else if (this.isInCall) this.#nextIndex++
    if (this.isInCall) this.sent.push(connection.describe(message))
    this.blockBeforeInjection()
  }

  /** Called if a fault prevented a whole message, so that a repeated request gets it. */
  onMessageUnsent({ sentAfter }: Message): void {
    if (typeof sentAfter !== 'object') this.#nextIndex--
  }

  /** Blocks the sockets if the fault is to be injected into the next request. */
  blockBeforeInjection(): void {
    if (!this.isDue('up', this.sent.length)) return
    for (const connection of this.#connections.values()) connection.block()
  }

  /** Ends stalls, and answers each request with `always` from now on. */
  heal(always: Message): void {
    this.script = { always }
    for (const connection of this.#connections.values()) connection.heal()
  }

  #add(socket: ScriptedSocket): ScriptedSocket {
    const below = socket.tunnel === null ? undefined : this.#connections.get(socket.tunnel)
    const connection = new PeerConnection(socket, this, below?.greetingsSent ?? 0)
    this.#connections.set(socket, connection)
    this.blockBeforeInjection()
    queueMicrotask(() => this.#dial(socket))
    return socket
  }

  async #dial(socket: ScriptedSocket): Promise<void> {
    if (socket.tunnel === null) {
      if (await this.#injectsIntoDial(socket, 'connect')) return
      socket.connected()
    }
    if (socket.tls === null || (await this.#injectsIntoDial(socket, 'secure'))) return
    socket.secured()
  }

  /** @returns whether the dial does not continue */
  async #injectsIntoDial(socket: ScriptedSocket, step: 'connect' | 'secure'): Promise<boolean> {
    if (socket.closed || socket.destroyed) return true
    if (!this.isInCall) return false
    const index = this.dialled.push(step) - 1
    const { injection } = this
    if (injection?.at !== 'dial' || injection.index !== index) return false
    this.failedDialStep = step
    switch (injection.fault) {
      case 'stall':
        return true
      case 'reset':
        socket.reset(RESET)
        return true
      case 'end':
        socket.receiveEnd()
        return true
      default:
        await this.onCallerFault(injection.fault as CallerFault)
        return socket.closed || socket.destroyed
    }
  }
}

export const RESET = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
