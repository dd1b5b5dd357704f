import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type { BackendSocket, Clock, SocketHandler } from '../backends/backend.ts'
import type { Headers } from '../models/headers.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { MessageSink } from '../protocol/response-parser.ts'
import { ResponseParser } from '../protocol/response-parser.ts'
import type { CloseReason } from './close-reason.ts'
import { reasonAgainstReuse } from './close-reason.ts'
import type { DeadlineFacts } from './deadlines.ts'
import { DeadlineTimer, deadlineAt, deadlineKind } from './deadlines.ts'
import type { BodySink, Carrier, Exchange } from './exchange.ts'
import {
  connectionBroke,
  invalidResponse,
  nothingRead,
  nothingSent,
  sendingFailed,
} from './failures.ts'
import type { IntakeOwner } from './intake.ts'
import { Intake } from './intake.ts'
import { withoutExpect } from './outgoing-request.ts'
import { openRawSocket } from './raw-socket.ts'
import type { SenderOwner } from './sender.ts'
import { Sender } from './sender.ts'
import type { ConnectionState, SendingState, Transitions } from './states.ts'
import { connectionEvents, nextState } from './states.ts'

/** Who decides what a connection does next. */
export interface ConnectionOwner {
  /** The exchange is over and its end not yet told: the connection may take another at once. */
  onIdle(connection: Connection): void
  /** Once. `replay` was sent on it and not one byte of it answered: it wants a new connection. */
  onClosed(connection: Connection, reason: CloseReason, replay: Exchange | null): void
}

/** One established connection: an HTTP/1.1 exchange at a time. */
export class Connection
  implements SocketHandler, MessageSink, IntakeOwner, SenderOwner, Carrier, DeadlineFacts
{
  /** Where it leads; what tells who may use it. */
  readonly origin: string
  readonly openedAt: number
  state: ConnectionState = 'idle'
  closeReason: CloseReason | null = null
  /** How many exchanges it has carried, the present one included. */
  exchanges = 0
  exchange: Exchange | null = null
  readonly #socket: BackendSocket
  readonly #clock: Clock
  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  readonly #intake: Intake
  readonly #sender: Sender
  #head: ResponseHead | null = null
  /** Of a response that is complete. */
  #trailers: Headers | null = null

  // Deadlines: one timer, armed for the earliest that was ever asked for and looked at when it fires.
  readSince = 0
  idleUntil = Number.POSITIVE_INFINITY
  readonly #timer: DeadlineTimer

  constructor(origin: string, socket: BackendSocket, clock: Clock, owner: ConnectionOwner) {
    this.origin = origin
    this.#socket = socket
    this.#clock = clock
    this.#owner = owner
    this.#parser = new ResponseParser(this)
    this.#intake = new Intake(socket, this.#parser, clock, this)
    this.#sender = new Sender(socket, clock, this)
    this.#timer = new DeadlineTimer(clock, this)
    this.openedAt = clock.now()
    socket.handler = this
  }

  get sending(): SendingState {
    return this.#sender.state
  }

  get writeSince(): number {
    return this.#sender.progressAt
  }

  get paused(): boolean {
    return this.#intake.paused
  }

  // --- exchanges

  start(exchange: Exchange, now: number): void {
    this.#to(connectionEvents.start)
    this.exchange = exchange
    exchange.carrier = this
    exchange.reused = this.exchanges++ > 0
    this.readSince = now
    this.#parser.expect(exchange.request.method)
    this.#sender.send(exchange, now)
    exchange.enter(this.#sender.state === 'sent' ? 'wait' : 'write')
    this.#schedule()
  }

  /** Waits for the next exchange until `until`, in the clock's time. */
  rest(until: number): void {
    this.#head = null
    this.idleUntil = until
    this.#schedule()
  }

  /** The Keep-Alive hint of the last response in ms; null without one. */
  keepAliveHint(): number | null {
    if (!this.#parser.mayHintKeepAlive || this.#head === null) return null
    const hint = /(?:^|[,;\s])timeout=(\d+)/i.exec(this.#head.headers.get('keep-alive') ?? '')
    return hint === null ? null : Number(hint[1]) * 1000
  }

  close(reason: CloseReason, replay: Exchange | null = null): void {
    if (this.state === 'closed' || this.state === 'upgraded') return
    this.#to(connectionEvents.close)
    this.closeReason = reason
    this.#timer.cancel()
    this.#parser.stop()
    this.#sender.abandon()
    this.#intake.stop()
    this.#socket.destroy()
    this.#owner.onClosed(this, reason, replay)
  }

  release(exchange: Exchange): void {
    if (this.exchange !== exchange) return
    this.exchange = null
    this.close('aborted')
  }

  #fail(reason: CloseReason, error: unknown): void {
    const { exchange } = this
    this.exchange = null
    this.close(reason)
    exchange?.fail(error)
  }

  // --- what the parser says

  onInformational(head: ResponseHead): void {
    if (head.status === 100 && this.#sender.awaitsContinue) this.#sender.continue()
    try {
      this.exchange?.sink.onInformational(head)
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onHead(head: ResponseHead): void {
    const exchange = this.exchange as Exchange
    const sender = this.#sender
    if (head.status === 417 && sender.awaitsContinue) return this.#sendWithoutExpect(exchange)
    this.#to(connectionEvents.head)
    this.#head = head
    if (sender.isActive) {
      // RFC 9112 9.5, 9110 10.1.1: an error does not want the rest, nor does an answer instead of 100.
      if (head.status >= 300 || sender.awaitsContinue) this.#stopSending()
      if (this.exchange !== exchange) return
    }
    if (!sender.isActive) exchange.enter('read')
    try {
      exchange.deliverHead(head, this.#parser.remaining)
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onBody(source: Buffer, start: number, end: number): void {
    if (start === end) return
    this.#intake.onDelivery()
    try {
      const { body } = this.exchange as Exchange
      const goesOn = (body as BodySink).onBody(source, start, end)
      if (goesOn === false && this.exchange !== null) this.#intake.pause()
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onComplete(trailers: Headers): void {
    this.#to(connectionEvents.complete)
    this.#trailers = trailers
    this.#finish()
  }

  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    const exchange = this.exchange as Exchange
    const asked = exchange.request.framing.upgrade || exchange.request.method === 'CONNECT'
    if (asked && this.#sender.isActive)
      return this.onFault(`${head.status} came before all was sent`)
    let socket: Duplex | null = null
    const open = (): Duplex => {
      socket = this.#giveAway()
      return socket
    }
    try {
      const taken =
        asked && exchange.deliverUpgrade(open, Buffer.from(source.subarray(start, end)), head)
      if (taken || exchange.settled) return
    } catch (error) {
      if (socket === null) return this.#fail('handler-threw', error)
      ;(socket as Duplex).destroy()
      return exchange.rethrow(error)
    }
    this.onFault(`${head.status} came and nobody asked to switch protocols`)
  }

  onFault(fault: string): void {
    const { exchange } = this
    if (exchange === null) return this.close('protocol-error')
    this.#fail('protocol-error', invalidResponse(exchange, fault))
  }

  #giveAway(): Duplex {
    const exchange = this.exchange as Exchange
    this.#to(connectionEvents.upgrade)
    this.exchange = null
    this.#timer.cancel()
    this.closeReason = 'upgraded'
    this.#owner.onClosed(this, 'upgraded', null)
    exchange.upgraded()
    return openRawSocket(this.#socket)
  }

  /** The response is complete: so is the exchange, once the request and the reader are. */
  #finish(): void {
    if (this.state !== 'complete' || this.#intake.paused) return
    if (this.#sender.isActive && this.#wantsRest()) return
    this.#conclude()
  }

  #conclude(): void {
    const exchange = this.exchange as Exchange
    const trailers = this.#trailers as Headers
    const reason = reasonAgainstReuse({
      surplus: this.#parser.surplus + this.#intake.kept,
      targetFull: this.#intake.targetFull,
      untilClose: this.#parser.untilClose,
      requestSent: this.#sender.state === 'sent',
      requestSaysClose: exchange.request.framing.close,
      persistent: this.#parser.persistent,
      peerEnded: this.#intake.ended,
    })
    this.exchange = null
    this.#trailers = null
    exchange.carrier = null
    if (reason === null) {
      this.#to(connectionEvents.finish)
      this.#owner.onIdle(this)
    } else {
      this.close(reason)
    }
    exchange.end(trailers)
  }

  /** RFC 9112 9.5: an error, or `close`, says that the rest of the content is not wanted. */
  #wantsRest(): boolean {
    const status = this.#head?.status ?? 0
    return status < 300 && this.#parser.persistent
  }

  // --- what the socket says

  readTarget(): Uint8Array {
    return this.#intake.target(this.exchange?.body ?? null)
  }

  onRead(length: number): void {
    const { exchange } = this
    if (exchange === null) return this.close('idle-data')
    exchange.received(length)
    this.#intake.read(length)
    if (this.exchange === exchange) this.readSince = this.#clock.now()
  }

  onDrain(): void {
    this.readSince = this.#clock.now()
    this.#sender.onDrain(this.readSince)
    if (this.state === 'closed') return
    this.#onSent()
  }

  onWriteError(error: Error): void {
    if (this.exchange === null) return this.close('peer-reset')
    this.#sender.error = error
    // The answer may stand behind the error: go on reading until it, the end, or the read deadline.
    this.#stopSending()
  }

  onEnd(): void {
    if (this.exchange === null) return this.close('peer-ended')
    this.#intake.end(null)
  }

  onClose(error: Error | null): void {
    if (this.exchange === null) return this.close(error === null ? 'peer-ended' : 'peer-reset')
    this.#intake.end(error)
  }

  onEnded(cause: Error | null): void {
    const { exchange } = this
    if (exchange === null) return
    // The rest of the request will never be sent: the response counts as it is.
    if (this.state === 'complete') return this.#conclude()
    if (this.#mayReplay(exchange)) return this.#replay(exchange)
    const writeError = exchange.responseStarted ? null : this.#sender.error
    if (writeError !== null) this.#fail('peer-reset', sendingFailed(exchange, writeError))
    else if (cause !== null) this.#fail('peer-reset', connectionBroke(exchange, cause))
    else this.#parser.end() // the end of the message, or too early
  }

  /** RFC 9112 9.3.1: once, and only what does no harm when it is done twice. */
  #mayReplay(exchange: Exchange): boolean {
    return (
      exchange.reused &&
      !exchange.replayed &&
      !exchange.responseStarted &&
      exchange.replayable &&
      (exchange.bytesSent === 0 || isIdempotent(exchange.request.method))
    )
  }

  #replay(exchange: Exchange): void {
    exchange.replayed = true
    this.#sendAgain(exchange, 'peer-ended')
  }

  /** RFC 9110 10.1.1: after a 417 the client "SHOULD repeat that request without a 100-continue expectation". */
  #sendWithoutExpect(exchange: Exchange): void {
    exchange.request = withoutExpect(exchange.request)
    exchange.responseStarted = false
    this.#sendAgain(exchange, 'upload-unfinished')
  }

  #sendAgain(exchange: Exchange, reason: CloseReason): void {
    this.exchange = null
    exchange.carrier = null
    exchange.reused = false
    exchange.bytesSent = 0
    this.close(reason, exchange)
  }

  onConnect(): void {}
  onSecure(): void {}

  // --- sending

  /** From here on nothing but the response is awaited. */
  #stopSending(): void {
    this.#sender.abandon()
    if (this.exchange === null) return
    this.readSince = this.#clock.now()
    this.#schedule()
  }

  onBlocked(): void {
    this.#schedule()
  }

  onUploaded(): void {
    this.readSince = this.#clock.now()
    this.#onSent()
  }

  /** The socket has taken what it had, or the upload has given its last. */
  #onSent(): void {
    this.#schedule()
    if (this.state === 'complete') this.#finish()
    else if (this.exchange !== null && !this.#sender.isActive)
      this.exchange.enter(this.state === 'awaiting-head' ? 'wait' : 'read')
  }

  onUploadFailed(error: Error): void {
    this.#fail('request-failed', error)
  }

  resume(): void {
    this.#intake.resume()
  }

  onContinued(): void {
    this.#socket.resume()
    this.readSince = this.#clock.now()
    this.#schedule()
    this.#finish()
  }

  // --- time

  #schedule(): void {
    this.#timer.notLaterThan(deadlineAt(this, deadlineKind(this)))
  }

  onTime(): void {
    const kind = deadlineKind(this)
    if (deadlineAt(this, kind) > this.#clock.now()) return this.#schedule()
    if (kind === 'idle') return this.close('keepalive-expired')
    // What has arrived while the loop was blocked comes first: that is not lateness of the peer's.
    const { exchange } = this
    this.#clock.afterPending(() => {
      if (this.exchange === exchange && exchange !== null) this.#expire(exchange)
    })
  }

  #expire(exchange: Exchange): void {
    const kind = deadlineKind(this)
    const now = this.#clock.now()
    if (deadlineAt(this, kind) > now) return this.#schedule()
    if (kind === 'continue') return this.#sender.continue()
    if (kind === 'read') return this.#fail('timeout', nothingRead(exchange))
    if (this.#sender.checkProgress(now)) return this.#schedule()
    exchange.enter('write')
    this.#fail('timeout', nothingSent(exchange, this.#socket.pendingBytes()))
  }

  #to(transitions: Transitions<ConnectionState>): void {
    this.state = nextState(transitions, this.state)
  }

  [inspect.custom](): string {
    const end = this.closeReason === null ? '' : `, ${this.closeReason}`
    return `<Connection ${this.origin} [${this.state}${end}, ${this.exchanges} exchanges]>`
  }
}
