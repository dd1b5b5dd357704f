import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { Peer, Said } from './peer.ts'
import { RESET } from './peer.ts'
import { headLength, methodOf, wholeLength } from './request-bytes.ts'
import type { CallerHarm, Message, Strike } from './strike.ts'

/** One connection, as the peer sees it: an answer to each request. */
export class Wire {
  readonly socket: ScriptedSocket
  /** How many of the proxy's greetings it has had. */
  greeted: number
  /** How many answers it has given. */
  served = 0
  /** The present request, all that was handed to the socket of it. Latin1. */
  handed = ''
  readonly #peer: Peer
  /** Bytes of that request that have been taken. */
  #taken = 0
  #takenBefore = 0
  /** Bytes of the answer to it have been said. */
  #started = false
  /** Taken and not yet answered. */
  #held = ''
  /** The request was answered before it was complete. */
  #isEarly = false
  #tookForStrike = false
  #isDead = false
  #isServing = false

  constructor(socket: ScriptedSocket, peer: Peer, greeted: number) {
    this.socket = socket
    this.#peer = peer
    this.greeted = greeted
    const write = socket.write.bind(socket)
    socket.write = (data, tail) => {
      // Nothing is pipelined: what is written behind a complete request is the next.
      if (this.handed === '' || wholeLength(this.handed) > 0) this.#newRequest()
      this.handed += latin1(data) + (tail === undefined ? '' : latin1(tail))
      queueMicrotask(() => void this.#serve())
      return write(data, tail)
    }
  }

  /** Whether all of the present request has been taken. */
  get isSent(): boolean {
    return wholeLength(this.handed) > 0 && this.socket.pendingBytes() === 0
  }

  block(): void {
    if (this.#isOpen) this.socket.block()
  }

  heal(): void {
    this.#isDead = false
    if (this.#isOpen) this.socket.unblock()
    void this.#serve()
  }

  told(message: Message): Said {
    return {
      message,
      wire: this,
      method: methodOf(this.handed),
      from: this.#takenBefore,
      to: this.#taken,
      reused: this.served > 0,
    }
  }

  get #isOpen(): boolean {
    return !this.socket.closed && !this.socket.destroyed
  }

  #newRequest(): void {
    this.handed = ''
    this.#taken = this.#takenBefore = 0
    this.#started = false
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
    const index = this.#peer.said.length
    if (!this.#peer.isDue('up', index)) {
      this.socket.unblock()
      this.#take()
    } else if (this.#takeUntil(this.#peer.strike as Strike)) {
      await this.#strikeUp(this.#peer.strike as Strike)
      return true
    } else return false
    if (this.#isEarly && !this.#consume(wholeLength(this.#held))) return false
    this.#isEarly = false
    const message = this.#peer.next(this)
    if (message === null || !this.#isReady(message)) return false
    this.#peer.begins(this, message)
    this.#takenBefore = this.#taken
    await this.#say(message, index)
    return true
  }

  #take(): void {
    const text = this.socket.takeWritten()
    this.#held += text
    this.#taken += text.length
  }

  /** @returns whether the strike is due: so much has been taken, and more is to come */
  #takeUntil({ offset }: Strike): boolean {
    while (this.#taken < offset && this.socket.pendingBytes() > 0) {
      this.socket.unblock(offset - this.#taken)
      this.#take()
      this.#tookForStrike = true
    }
    return this.#taken === offset && (this.#tookForStrike || this.socket.pendingBytes() > 0)
  }

  #isReady({ on }: Message): boolean {
    if (on === 'head') return headLength(this.#held) > 0
    if (on === 'whole') return this.#consume(wholeLength(this.#held))
    return this.#consume(on.needs(Buffer.from(this.#held, 'latin1')))
  }

  #consume(length: number): boolean {
    if (length === 0 || length > this.#held.length) return false
    this.#held = this.#held.slice(length)
    return true
  }

  async #say(message: Message, index: number): Promise<void> {
    const { text, on, isFinal, ends } = message
    this.#isEarly = isFinal && on === 'head'
    if (typeof on === 'object') this.#newRequest()
    if (this.#peer.isDue('down', index)) {
      await this.#strikeDown(this.#peer.strike as Strike, message)
    } else this.#receive(text)
    if (this.#isDead || !this.#isOpen) return
    if (ends) this.socket.receiveEnd()
    if (isFinal) this.served++
  }

  #receive(text: string): void {
    if (text === '' || !this.#isOpen) return
    this.#started = true
    this.socket.receive(text)
  }

  // --- the strike

  async #strikeDown(strike: Strike, message: Message): Promise<void> {
    const { text } = message
    const { offset, bit = 0 } = strike
    const said = this.told(message)
    if (strike.harm === 'flip') {
      this.#isStruck(said)
      const byte = String.fromCharCode(text.charCodeAt(offset) ^ (1 << bit))
      return this.#receive(text.slice(0, offset) + byte + text.slice(offset + 1))
    }
    this.#receive(text.slice(0, offset))
    await this.#harm(strike, said)
    if (!this.#isDead) this.#receive(text.slice(offset))
    else if (offset === 0) this.#peer.saidNothing(message)
  }

  async #strikeUp(strike: Strike): Promise<void> {
    const message = this.#peer.next(this) as Message
    await settle() // all that the client does about its request is done
    await this.#harm(strike, this.told(message))
    if (!this.#isDead && this.#isOpen) this.socket.unblock()
  }

  #isStruck(said: Said): void {
    const waiting = this.socket.pendingBytes() > 0
    this.#peer.struck = { ...said, started: this.#started, waiting }
  }

  async #harm({ harm }: Strike, said: Said): Promise<void> {
    this.#isStruck(said)
    switch (harm) {
      case 'end':
      case 'close':
        this.#isDead = true
        if (harm === 'close') this.socket.failWrites()
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
        return this.#peer.onCaller(harm as CallerHarm)
    }
  }
}

function latin1(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).latin1Slice()
}
