import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { CallerFault, Injection, Message } from './injection.ts'
import type { Peer, SentMessage } from './peer.ts'
import { RESET } from './peer.ts'
import { headLength, methodOf, requestLength } from './request-bytes.ts'

/** The peer's side of one connection. It answers each request, and injects the fault. */
export class PeerConnection {
  readonly socket: ScriptedSocket
  /** How many greetings of the proxy have been sent. */
  greetingsSent: number
  /** How many final responses have been sent. */
  served = 0
  /** The part of the current request that the client has written to the socket, as latin1. */
  written = ''
  readonly #peer: Peer
  /** How many bytes of the current request the peer has read. */
  #taken = 0
  #takenBefore = 0
  /** Whether bytes of the response to it have been sent. */
  #responseStarted = false
  /** What the peer has read and not yet answered. */
  #unanswered = ''
  /** Whether the request was answered before it was complete. */
  #isEarly = false
  #tookPart = false
  #isDead = false
  #isServing = false

  constructor(socket: ScriptedSocket, peer: Peer, greetingsSent: number) {
    this.socket = socket
    this.#peer = peer
    this.greetingsSent = greetingsSent
    const write = socket.write.bind(socket)
    socket.write = (data, tail) => {
      // Requests are not pipelined, so what follows a complete request is the next one.
      if (this.written === '' || requestLength(this.written) > 0) this.#newRequest()
      this.written += latin1(data) + (tail === undefined ? '' : latin1(tail))
      queueMicrotask(() => void this.#serve())
      return write(data, tail)
    }
  }

  /** Whether the peer's socket has accepted the whole current request. */
  get isSent(): boolean {
    return requestLength(this.written) > 0 && this.socket.pendingBytes() === 0
  }

  block(): void {
    if (this.#isOpen) this.socket.block()
  }

  heal(): void {
    this.#isDead = false
    if (this.#isOpen) this.socket.unblock()
    void this.#serve()
  }

  describe(message: Message): SentMessage {
    return {
      message,
      connection: this,
      method: methodOf(this.written),
      from: this.#takenBefore,
      to: this.#taken,
      reused: this.served > 0,
    }
  }

  get #isOpen(): boolean {
    return !this.socket.closed && !this.socket.destroyed
  }

  #newRequest(): void {
    this.written = ''
    this.#taken = this.#takenBefore = 0
    this.#responseStarted = false
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return
    this.#isServing = true
    while (await this.#step());
    this.#isServing = false
  }

  /** @returns whether there may be more to do */
  async #step(): Promise<boolean> {
    if (this.#isDead || !this.#isOpen) return false
    const index = this.#peer.sent.length
    if (!this.#peer.isDue('up', index)) {
      this.socket.unblock()
      this.#take()
    } else if (this.#takeUntil(this.#peer.injection as Injection)) {
      await this.#injectIntoRequest(this.#peer.injection as Injection)
      return true
    } else return false
    if (this.#isEarly && !this.#consume(requestLength(this.#unanswered))) return false
    this.#isEarly = false
    const message = this.#peer.next(this)
    if (message === null || !this.#isReady(message)) return false
    this.#peer.onMessage(this, message)
    this.#takenBefore = this.#taken
    await this.#send(message, index)
    return true
  }

  #take(): void {
    const text = this.socket.takeWritten()
    this.#unanswered += text
    this.#taken += text.length
  }

  /** @returns whether the fault is due: `offset` bytes have been read, and more will follow */
  #takeUntil({ offset }: Injection): boolean {
    while (this.#taken < offset && this.socket.pendingBytes() > 0) {
      this.socket.unblock(offset - this.#taken)
      this.#take()
      this.#tookPart = true
    }
    return this.#taken === offset && (this.#tookPart || this.socket.pendingBytes() > 0)
  }

  #isReady({ sentAfter }: Message): boolean {
    if (sentAfter === 'head') return headLength(this.#unanswered) > 0
    if (sentAfter === 'whole') return this.#consume(requestLength(this.#unanswered))
    return this.#consume(sentAfter.needs(Buffer.from(this.#unanswered, 'latin1')))
  }

  #consume(length: number): boolean {
    if (length === 0 || length > this.#unanswered.length) return false
    this.#unanswered = this.#unanswered.slice(length)
    return true
  }

  async #send(message: Message, index: number): Promise<void> {
    const { text, sentAfter, isFinal, endsConnection } = message
    this.#isEarly = isFinal && sentAfter === 'head'
    if (typeof sentAfter === 'object') this.#newRequest()
    if (this.#peer.isDue('down', index)) {
      await this.#injectIntoMessage(this.#peer.injection as Injection, message)
    } else this.#sendText(text)
    if (this.#isDead || !this.#isOpen) return
    if (endsConnection) this.socket.receiveEnd()
    if (isFinal) this.served++
  }

  #sendText(text: string): void {
    if (text === '' || !this.#isOpen) return
    this.#responseStarted = true
    this.socket.receive(text)
  }

  async #injectIntoMessage(injection: Injection, message: Message): Promise<void> {
    const { text } = message
    const { offset, bit = 0 } = injection
    const sent = this.describe(message)
    if (injection.fault === 'flip') {
      this.#recordInjection(sent)
      const byte = String.fromCharCode(text.charCodeAt(offset) ^ (1 << bit))
      return this.#sendText(text.slice(0, offset) + byte + text.slice(offset + 1))
    }
    this.#sendText(text.slice(0, offset))
    await this.#inject(injection, sent)
    if (!this.#isDead) this.#sendText(text.slice(offset))
    else if (offset === 0) this.#peer.onMessageUnsent(message)
  }

  async #injectIntoRequest(injection: Injection): Promise<void> {
    const message = this.#peer.next(this) as Message
    await settle() // The client has finished what it can do about its request.
    await this.#inject(injection, this.describe(message))
    if (!this.#isDead && this.#isOpen) this.socket.unblock()
  }

  #recordInjection(sent: SentMessage): void {
    const hasPendingBytes = this.socket.pendingBytes() > 0
    this.#peer.injectionPoint = {
      ...sent,
      responseStarted: this.#responseStarted,
      hasPendingBytes,
    }
  }

  async #inject({ fault }: Injection, sent: SentMessage): Promise<void> {
    this.#recordInjection(sent)
    switch (fault) {
      case 'end':
      case 'close':
        this.#isDead = true
        if (fault === 'close') this.socket.failWrites()
        if (this.#isOpen) this.socket.receiveEnd()
        return
      case 'reset':
        this.#isDead = true
        if (this.#isOpen) this.socket.reset(RESET)
        return
      case 'stall':
        this.#isDead = true
        this.socket.block()
        return
      case 'split':
        return settle()
      default:
        await settle()
        return this.#peer.onCallerFault(fault as CallerFault)
    }
  }
}

function latin1(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).latin1Slice()
}
